"""Sums of shadow evaluations by hour and day: what is added to them, and the store that holds them."""
