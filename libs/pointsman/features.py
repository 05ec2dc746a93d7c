"""Public names for feature extractors of your own (``[llm] features = "module:Class"``)."""

from pointsman.core.features import CHAT_NAMES, NAMES, Extractor, RequestView, chat_features, prompt_features

__all__ = ["CHAT_NAMES", "NAMES", "Extractor", "RequestView", "chat_features", "prompt_features"]
