"""Azure OpenAI: the deployment in the URL and the key in ``api-key``, or the newer form under ``/openai/v1``.

Reference: https://learn.microsoft.com/azure/ai-services/openai/reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from yarl import URL

from pointsman.llm.providers.kinds.openai import CHAT_COMPLETIONS_PATH, OpenAIWire
from pointsman.llm.providers.settings import ProviderSettings

_V1 = "/openai/v1"


class AzureOpenAIWire(OpenAIWire):
    """A deployment of a model on Azure OpenAI."""

    def _endpoint(self, settings: ProviderSettings, model: str) -> URL:
        base = (settings.config.base_url or "").rstrip("/")
        if base.endswith(_V1):
            return URL(base + CHAT_COMPLETIONS_PATH, encoded=True)
        base = base.removesuffix("/openai")
        # quote, because the name of a deployment must not be able to change the path
        path = f"{base}/openai/deployments/{quote(model, safe='')}{CHAT_COMPLETIONS_PATH}"
        return URL(f"{path}?api-version={quote(settings.config.api_version or '', safe='')}", encoded=True)

    def _key_headers(self, settings: ProviderSettings) -> Mapping[str, str]:
        return {"api-key": settings.api_key} if settings.api_key else {}
