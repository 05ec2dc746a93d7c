"""Evaluation of shadow policies on logged decisions.

Pure: no I/O and no clock, so that any process computes the same result from the same log at any time.
"""
