"""The wire of a model: where its requests go, in which form, and how the responses are framed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.answers.recorder import AnswerReader
from pointsman.llm.conversation.form import RequestForm, Written
from pointsman.llm.providers.dialects.sse import Framing, SseFraming
from pointsman.llm.providers.efforts.effort import Effort
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import FORWARDED_HEADERS, LIST_HEADERS, ChatRequest, Dialect


class ProviderRequest(NamedTuple):
    """A request as it is sent to the provider."""

    url: URL
    headers: CIMultiDict[str]
    body: bytes


class Wire:
    """One model of one provider. This base sends JSON with the model in it, and receives JSON or server-sent events.

    ``own_headers`` are those of the kind: its key and its version.

    Attributes
    ----------
    dialect: Dialect of what `whole` and the framing return, and of the requests that are sent as they are.
    translates: Whether requests are written in a format of its own even for clients of the same dialect.
    effort: Effort of the arm. Writable.
    variant: What distinguishes the models of a kind for which requests are written differently.
    asks_usage: Whether `encode` requests the usage at the end of a stream, which the client may not have done.
        Writable.
    """

    dialect: Dialect
    translates = False
    asks_usage = False
    effort: Effort | None = None

    def __init__(self, settings: ProviderSettings, model: str, url: URL, own_headers: Mapping[str, str]) -> None:
        self._settings = settings
        self._model = model
        self._url = url
        self._headers: CIMultiDict[str] = CIMultiDict(
            {
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": "pointsman",
            }
        )
        self._headers.update(own_headers)
        self._headers.update(settings.headers)  # the configuration overrides

    @property
    def variant(self) -> object:
        """Of the kinds whose requests are all written alike: None."""
        return None

    def reader(self) -> AnswerReader:
        """Return the reader of a new answer."""
        raise NotImplementedError

    def write(self, conversation: RequestForm, request: ChatRequest) -> Written:
        """Write a request of another dialect in the provider's format, with the effort of the arm.

        It raises `Untranslatable` for what the provider cannot express.
        """
        written = self._written(conversation)
        if self.effort is None:
            return written
        adapted = self.effort.adapt(written.body, request)
        written.body, written.adapted = adapted.body, (*written.adapted, *adapted.dropped)
        return written

    def _written(self, conversation: RequestForm) -> Written:
        raise NotImplementedError

    def encode(self, body: bytes | dict[str, Any], request: ChatRequest) -> bytes:
        """Return the body to send, with the provider's name of the model.

        The body is in the provider's format: the client's bytes where it uses the same one, a dict when written. Fields
        of bytes are copied without decoding them.
        """
        fields = {"model": self._model, **self._extra_fields(request)}
        decoded = _fields.decode(body) if isinstance(body, bytes) else body
        return msgspec.json.encode({**decoded, **fields})

    def _extra_fields(self, request: ChatRequest) -> dict[str, Any]:
        return {}

    async def provider_request(self, body: bytes, request: ChatRequest) -> ProviderRequest:
        """Return the request to send, with all its headers; raise `UnknownProvider` without credentials."""
        return ProviderRequest(self._url, self._with_client_headers(request), body)

    def framing(self) -> Framing:
        """Return the splitter of a new stream into events."""
        return SseFraming()

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return an answer that is not a stream in the wire's dialect.

        It raises `ValueError`, `KeyError` or `TypeError` when the answer is not readable.
        """
        return body

    def _with_client_headers(self, request: ChatRequest) -> CIMultiDict[str]:
        """Return the headers with those that the client may set for a provider of its dialect.

        A header of the configuration wins, because the client must not choose whose organisation pays. Lists of beta
        features are joined.
        """
        if request.dialect != self.dialect or not request.headers:
            return self._headers
        forwarded = {name: value for name, value in request.headers.items() if name in FORWARDED_HEADERS[self.dialect]}
        if not forwarded:
            return self._headers
        configured = {name.lower(): value for name, value in self._settings.headers.items()}
        headers = self._headers.copy()
        for name, value in forwarded.items():
            if name not in configured:
                headers[name] = value
            elif name in LIST_HEADERS:
                headers[name] = f"{configured[name]},{value}"
        return headers


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def endpoint_url(base_url: str, version: str, path: str) -> URL:
    """Return the URL of an endpoint under a provider's ``base_url``.

    A base without a path gets the version in front (``http://127.0.0.1:11434`` serves ``/v1/chat/completions``); one
    that ends with the path already, or with ``/invocations``, is used unchanged.
    """
    url = URL(base_url.rstrip("/"), encoded=True)
    base_path = url.raw_path.rstrip("/")
    if base_path.endswith((path, "/invocations")):
        return url
    return url.with_path((base_path or version) + path, encoded=True)
