"""Feature extraction: the context of a request. Deterministic, without state and network access."""

from pointsman.core.features.chat import CHAT_FEATURES_VERSION, CHAT_NAMES, chat_features
from pointsman.core.features.errors import ExtractionFailed, ExtractorNotUsable, FeaturesError
from pointsman.core.features.extractor import (
    CHAT,
    EMBEDDING,
    MEANING,
    PROMPT,
    CheckedExtractor,
    Extractor,
    builtin_extractor,
    make_extractor,
)
from pointsman.core.features.meaning import MEANING_DIM, meaning_is_installed
from pointsman.core.features.prompt import FEATURES_VERSION, NAMES, prompt_features
from pointsman.core.features.request_view import RequestView, view_request
from pointsman.core.features.tier_score import TIER_WEIGHTS, TierBound, TierScore

__all__ = [
    "CHAT",
    "CHAT_FEATURES_VERSION",
    "CHAT_NAMES",
    "EMBEDDING",
    "FEATURES_VERSION",
    "MEANING",
    "MEANING_DIM",
    "NAMES",
    "PROMPT",
    "TIER_WEIGHTS",
    "CheckedExtractor",
    "ExtractionFailed",
    "Extractor",
    "ExtractorNotUsable",
    "FeaturesError",
    "RequestView",
    "TierBound",
    "TierScore",
    "builtin_extractor",
    "chat_features",
    "make_extractor",
    "meaning_is_installed",
    "prompt_features",
    "view_request",
]
