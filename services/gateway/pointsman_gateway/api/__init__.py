"""Endpoints for decisions, outcomes, feedback, policies, reports and events."""
