"""Joining of rewards with evaluated decisions."""
