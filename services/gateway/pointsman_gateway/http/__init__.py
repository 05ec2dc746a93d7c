"""HTTP at the edge: limits, authentication, problems, static files."""
