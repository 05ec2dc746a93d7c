"""Calls of language models: providers, translation, grading and pricing."""
