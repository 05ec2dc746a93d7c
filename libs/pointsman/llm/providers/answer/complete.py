"""An answer that is not a stream, and the headers that answers pass on."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.llm.answers.recorder import CompletionRecorder
from pointsman.llm.providers.settings import ProviderSettings

_CLIENT_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
_MAX_HEADERS = 32
_MAX_HEADER_CHARS = 200
_CLIENT_HEADERS = frozenset({"x-request-id", "request-id", "openai-processing-ms", "openai-version"})


def client_headers(headers: Mapping[str, str], settings: ProviderSettings) -> dict[str, str]:
    """Return the provider's headers that clients receive: rate limits and request ids, names in lower case.

    Very long ones are left out, and so are all past a number: a client refuses a response with too large a head.
    """
    found: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()  # noqa: PLW2901  # only this form is used
        wanted = name.startswith(_CLIENT_PREFIXES) or name in _CLIENT_HEADERS
        if wanted and len(value) <= _MAX_HEADER_CHARS and len(found) < _MAX_HEADERS:
            found[name] = settings.redacted(value)
    return found


class CompleteAnswer:
    """An answer that was read to its end; headers (see `client_headers`) and body are for the client."""

    content_type = "application/json"

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, recorder: CompletionRecorder) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.tries = 1  # calls of the provider, retries included
        self.adapted: tuple[str, ...] = ()  # what of the request was changed or left out for the model
        self.completion = recorder.completion(status)

    async def close(self) -> None:
        """Do nothing: the connection was returned to the pool."""
