"""Azure OpenAI: the deployment in the URL and the key in a header of its own; or the newer form, under ``/openai/v1``.

Reference: https://learn.microsoft.com/azure/ai-services/openai/reference.
"""

from __future__ import annotations

from urllib.parse import quote

from yarl import URL

from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.openai import PATH, OpenAIWire

_V1 = "/openai/v1"


class AzureOpenAIWire(OpenAIWire):
    """A deployment of a model on Azure OpenAI."""

    def _address(self, settings: Settings) -> URL:
        config = settings.config
        base = (config.base_url or "").rstrip("/")
        if base.endswith(_V1):
            return URL(base + PATH, encoded=True)
        base = base.removesuffix("/openai")
        # quote, because a deployment's name must not be able to change the path
        path = f"{base}/openai/deployments/{quote(self._model, safe='')}{PATH}"
        return URL(f"{path}?api-version={quote(config.api_version or '', safe='')}", encoded=True)

    def _key(self, settings: Settings) -> dict[str, str]:
        return {"api-key": settings.api_key} if settings.api_key else {}
