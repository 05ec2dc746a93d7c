"""Promotion of a shadow policy: the evidence, and the ruling of the automatic guard."""
