"""Pure computation on NumPy arrays: no I/O, no clock, no configuration."""
