"""Reporting an outcome, and the outcome log."""
