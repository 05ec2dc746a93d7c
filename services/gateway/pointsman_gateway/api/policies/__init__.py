"""Policies of the tiers: list, change, promote, revert."""
