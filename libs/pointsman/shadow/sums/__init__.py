"""Sums of what shadow policies would have done, by hour and day, and their store."""
