"""OpenAI-compatible chat completions: OpenAI, Ollama, LM Studio, llama.cpp, vLLM, OpenRouter, Databricks, Azure.

Reference of Azure OpenAI: https://learn.microsoft.com/azure/ai-services/openai/reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from yarl import URL

from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.conversation.form import RequestForm, Written
from pointsman.llm.conversation.target import RequestTarget
from pointsman.llm.conversation.write_openai import write_openai
from pointsman.llm.providers.kinds.wire import Wire, endpoint_url
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import ChatRequest, Dialect

CHAT_COMPLETIONS_PATH = "/chat/completions"
_AZURE_V1 = "/openai/v1"


class OpenAIWire(Wire):
    """OpenAI's chat completions, with the model in the body."""

    dialect: Dialect = "openai"

    def __init__(self, settings: ProviderSettings, model: str) -> None:
        super().__init__(settings, model, self._endpoint(settings, model), self._key_headers(settings))
        self.asks_usage = settings.config.stream_usage
        self._target = RequestTarget(max_tokens_field=settings.config.max_tokens_field or "max_tokens")

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

    def _written(self, conversation: RequestForm) -> Written:
        return write_openai(conversation, self._target)

    def reader(self) -> OpenAIReader:
        """Return the reader of a new answer."""
        return OpenAIReader()


class AzureOpenAIWire(OpenAIWire):
    """Azure OpenAI: the deployment in the URL and the key in ``api-key``, or the newer form under ``/openai/v1``."""

    def _endpoint(self, settings: ProviderSettings, model: str) -> URL:
        base = (settings.config.base_url or "").rstrip("/")
        if base.endswith(_AZURE_V1):
            return URL(base + CHAT_COMPLETIONS_PATH, encoded=True)
        base = base.removesuffix("/openai")
        # quote, because the name of a deployment must not be able to change the path
        path = f"{base}/openai/deployments/{quote(model, safe='')}{CHAT_COMPLETIONS_PATH}"
        return URL(f"{path}?api-version={quote(settings.config.api_version or '', safe='')}", encoded=True)

    def _key_headers(self, settings: ProviderSettings) -> Mapping[str, str]:
        return {"api-key": settings.api_key} if settings.api_key else {}
