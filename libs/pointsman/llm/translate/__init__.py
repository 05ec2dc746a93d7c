"""Translations between the dialects: pure functions and event translators, one direction each."""
