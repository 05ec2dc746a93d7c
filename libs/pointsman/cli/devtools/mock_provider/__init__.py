"""The command ``pointsman mock-provider``: an LLM provider without a model, to try and test without keys."""
