"""Shadow-evaluator service: what shadow policies would have done with each decision, and what that earned."""
