"""A provider without a model: for trying, testing and measuring everything without keys."""
