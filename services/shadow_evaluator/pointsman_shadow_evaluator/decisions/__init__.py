"""Evaluation of the decision log."""
