"""Logs, metrics, probes, and how a service process runs."""
