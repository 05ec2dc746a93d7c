"""Dashboard: its pages, and the endpoints that only it needs (overview, system, alerts, dry runs)."""
