"""Rendering of the shadow report: an HTML page with plots, and a table for the terminal."""
