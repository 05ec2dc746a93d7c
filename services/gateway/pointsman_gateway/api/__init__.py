"""Decisions, outcomes, policies and reports over HTTP."""
