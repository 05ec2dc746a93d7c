"""Everything that has OpenAI's chat completions: OpenAI, Ollama, LM Studio, llama.cpp, vLLM, OpenRouter, Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.providers.base import Dialect, ProviderRequest
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.wire import Call, SseFraming, joined, shared_headers, with_clients, with_fields

PATH = "/chat/completions"


def usage_asked(body: Mapping[str, Any]) -> bool:
    """Tell whether a client asked for the usage at the end of its stream (``stream_options.include_usage``)."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


class OpenAIWire:
    """OpenAI's chat completions, the model in the body.

    Parameters
    ----------
    settings : Settings
    model : str
        The name at the provider.
    """

    speaks: Dialect = "openai"
    translates = False

    def __init__(self, settings: Settings, model: str) -> None:
        self._model = model
        self.asks_usage = settings.config.stream_usage
        self._url = self._address(settings)
        self._headers: CIMultiDict[str] = shared_headers(settings, self._key(settings))
        self._settings = settings

    def _address(self, settings: Settings) -> URL:
        return joined(settings.config.base_url or "", "/v1", PATH)

    def _key(self, settings: Settings) -> dict[str, str]:
        return {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}

    def encode(self, body: bytes | dict[str, Any], request: ProviderRequest) -> bytes:
        """Return the body to send: asked for the usage of a stream, because cost and reward need it."""
        fields: dict[str, Any] = {"model": self._model}
        if request.stream and self.asks_usage:
            options = request.body.get("stream_options") if request.dialect == "openai" else None
            fields["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return with_fields(body, fields) if isinstance(body, bytes) else msgspec.json.encode({**body, **fields})

    async def call(self, sent: bytes, request: ProviderRequest) -> Call:
        """Return the request to send."""
        return Call(self._url, with_clients(self._headers, request, "openai", self._settings), sent)

    def framing(self) -> SseFraming:
        """Return what cuts a new stream into events."""
        return SseFraming()

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer as it is."""
        return body
