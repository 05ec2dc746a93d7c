"""From a request's text to the context that a policy sees. Pure: no I/O, no model, no state."""

from pointsman.features.prompt import FEATURES_VERSION, NAMES, prompt_features

__all__ = ["FEATURES_VERSION", "NAMES", "prompt_features"]
