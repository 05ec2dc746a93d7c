"""``pointsman init``: a configuration for the LLM gateway, from a few answers or from options."""
