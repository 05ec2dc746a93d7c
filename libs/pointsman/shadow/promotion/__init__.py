"""Promotion of a shadow policy: the evidence for a switch, and the ruling of the automatic guard."""
