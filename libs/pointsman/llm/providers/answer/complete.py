"""An answer that is not a stream, and the headers that answers pass on."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.llm.providers.dialects.recorder import CompletionRecorder
from pointsman.llm.providers.settings import ProviderSettings

_CLIENT_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
_CLIENT_HEADERS = frozenset({"x-request-id", "request-id", "openai-processing-ms", "openai-version"})


def client_headers(headers: Mapping[str, str], settings: ProviderSettings) -> dict[str, str]:
    """Return the provider's headers that clients receive: rate limits and request ids, names in lower case."""
    return {
        name.lower(): settings.redacted(value)
        for name, value in headers.items()
        if name.lower().startswith(_CLIENT_PREFIXES) or name.lower() in _CLIENT_HEADERS
    }


class CompleteAnswer:
    """An answer that was read to its end; headers (see `client_headers`) and body are for the client."""

    content_type = "application/json"

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, recorder: CompletionRecorder) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.tries = 1  # calls of the provider, retries included
        self.completion = recorder.completion(status)

    async def close(self) -> None:
        """Do nothing: the connection was returned to the pool."""
