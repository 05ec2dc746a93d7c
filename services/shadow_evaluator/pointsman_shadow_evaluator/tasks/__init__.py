"""Periodic tasks of a tier."""
