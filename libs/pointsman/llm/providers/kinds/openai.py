"""OpenAI-compatible chat completions: OpenAI, Ollama, LM Studio, llama.cpp, vLLM, OpenRouter, Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yarl import URL

from pointsman.llm.providers.dialects.openai import OpenAIReader
from pointsman.llm.providers.kinds.wire import Wire, endpoint_url
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import ChatRequest, Dialect

CHAT_COMPLETIONS_PATH = "/chat/completions"


class OpenAIWire(Wire):
    """OpenAI's chat completions, with the model in the body.

    Parameters
    ----------
    model : str
        Name of the model at the provider.
    """

    dialect: Dialect = "openai"

    def __init__(self, settings: ProviderSettings, model: str) -> None:
        super().__init__(settings, model, self._endpoint(settings, model), self._key_headers(settings))
        self.asks_usage = settings.config.stream_usage

    def _endpoint(self, settings: ProviderSettings, model: str) -> URL:
        return endpoint_url(settings.config.base_url or "", "/v1", CHAT_COMPLETIONS_PATH)

    def _key_headers(self, settings: ProviderSettings) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}

    def _extra_fields(self, request: ChatRequest) -> dict[str, Any]:
        """Request the usage of a stream, because cost and reward need it."""
        if not (request.stream and self.asks_usage):
            return {}
        options = request.body.get("stream_options") if request.dialect == "openai" else None
        return {"stream_options": {**(options if isinstance(options, dict) else {}), "include_usage": True}}

    def reader(self) -> OpenAIReader:
        """Return the reader of a new answer."""
        return OpenAIReader()
