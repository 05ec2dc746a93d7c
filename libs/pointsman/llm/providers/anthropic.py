"""Anthropic's messages.

Reference: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from pointsman.llm.providers.base import Dialect, ProviderRequest
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.wire import Call, SseFraming, joined, shared_headers, with_clients, with_fields

PATH = "/messages"
VERSION = "2023-06-01"


class AnthropicWire:
    """Anthropic's messages, the model in the body, the key in ``x-api-key``.

    Parameters
    ----------
    settings : Settings
    model : str
        The name at the provider.
    """

    speaks: Dialect = "anthropic"
    translates = False
    asks_usage = False

    def __init__(self, settings: Settings, model: str) -> None:
        config = settings.config
        self._model = model
        self._url = joined(config.base_url or "", "/v1", PATH)
        own = {"anthropic-version": config.api_version or VERSION}
        if settings.api_key:
            own["x-api-key"] = settings.api_key
        self._headers: CIMultiDict[str] = shared_headers(settings, own)
        self._settings = settings

    def encode(self, body: bytes | dict[str, Any], request: ProviderRequest) -> bytes:
        """Return the body to send."""
        fields = {"model": self._model}
        return with_fields(body, fields) if isinstance(body, bytes) else msgspec.json.encode({**body, **fields})

    async def call(self, sent: bytes, request: ProviderRequest) -> Call:
        """Return the request to send."""
        return Call(self._url, with_clients(self._headers, request, "anthropic", self._settings), sent)

    def framing(self) -> SseFraming:
        """Return what cuts a new stream into events."""
        return SseFraming()

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer as it is."""
        return body
