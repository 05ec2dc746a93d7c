"""Routes of LLM APIs that the gateway does not serve: an error that the client's SDK can show, and what to use."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from pointsman_gateway.chat.errors import ChatError, dialect_of, error_response, problem_in_dialect
from pointsman_gateway.http.response import HttpResponse

_SERVED = ("/chat/completions", "/messages", "/messages/count_tokens", "/models")
"""The chat routes after ``/v1``; clients are configured with the part before."""
_HINTS = {
    "responses": ": use chat completions, which every SDK has too",
    "completions": ": send `messages` to /v1/chat/completions",
    "embeddings": ": embeddings are not routed, so call the provider itself",
}


class UnservedRoutes:
    """Errors of paths without an endpoint; ``own`` are the first segments after ``/v1`` of Pointsman's own API."""

    def __init__(self, own: Collection[str]) -> None:
        self._own = sorted(own)

    def convert(self, path: str, headers: Mapping[str, str], document: HttpResponse) -> HttpResponse:
        """Return a problem document in the dialect of the client where only an LLM client can have meant the path."""
        if not self._is_of_llm_client(path):
            return document
        dialect = dialect_of(headers)
        if document.status != 404:
            return problem_in_dialect(dialect, document)
        served = ", ".join(f"/v1{route}" for route in _SERVED)
        message = f"{path[:80]} is not served{self._hint(path)}. Served for LLM clients: {served}"
        return error_response(dialect, ChatError(404, message, code="unknown_url"))

    def _is_of_llm_client(self, path: str) -> bool:
        if path.startswith("/v1/"):
            return path.split("/")[2] not in self._own
        return path == "/v1" or path.endswith((*_SERVED, *(f"/{name}" for name in _HINTS)))

    def _hint(self, path: str) -> str:
        if path.startswith("/v1/v1/"):
            return ": the client adds /v1 itself, so its base URL must end without it"
        if not path.startswith("/v1") and path.endswith(_SERVED):
            return ": the client adds no /v1, so its base URL must end with it"
        close = get_close_matches(path.removeprefix("/v1/").partition("/")[0], self._own, n=1, cutoff=0.8)
        if close:
            return f" (did you mean /v1/{close[0]}?)"
        return _HINTS.get(path.removesuffix("/").rpartition("/")[2], "")
