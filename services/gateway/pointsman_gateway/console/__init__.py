"""What the dashboard is made from, beside the decisions, arms and reports: activity, dry runs, system and alerts."""
