"""Requesting a decision, reading it back, and the decision log."""
