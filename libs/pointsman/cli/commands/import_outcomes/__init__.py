"""The command ``pointsman import``."""
