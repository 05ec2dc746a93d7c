"""The command ``pointsman init``: write a configuration for the LLM gateway, from options or questions."""
