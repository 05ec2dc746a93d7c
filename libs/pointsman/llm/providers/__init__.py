"""Asking the models' providers: one client, a file for each dialect, and translations between them."""

from pointsman.llm.providers.base import Answer, Completion, Dialect, ProviderRequest, ToolCall, Upstream, Usage
from pointsman.llm.providers.errors import ProviderError, UnknownProvider, Untranslatable

__all__ = [
    "Answer",
    "Completion",
    "Dialect",
    "ProviderError",
    "ProviderRequest",
    "ToolCall",
    "UnknownProvider",
    "Untranslatable",
    "Upstream",
    "Usage",
]
