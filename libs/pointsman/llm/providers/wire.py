"""What a kind of provider has to say for itself: where requests go, in which form, and how answers are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.providers.base import BETAS, PASSED_ON, Dialect, ProviderRequest
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.sse import EventSplitter, event_data


class Call(NamedTuple):
    """A request as it goes out."""

    url: URL
    headers: CIMultiDict[str]
    body: bytes


class Framing(Protocol):
    """Cuts the bytes of a stream into events."""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes | None]]:
        """Take the next bytes; return what is complete: the bytes of each event, and its data in the wire's dialect.

        Raises
        ------
        ValueError
            The bytes are no stream of this kind.
        """
        ...

    def end(self) -> list[tuple[bytes, bytes | None]]:
        """Return what is left when the stream has ended, in the same form."""
        ...


class Wire(Protocol):
    """One model of one provider, as it is spoken to.

    Attributes
    ----------
    speaks : Dialect
        The dialect of the bodies that `encode` takes, and of what `whole` and the framing return; what differs from it
        on the way to the provider is the wire's own business.
    translates : bool
        Whether even a client of the same dialect gets a translation.
    asks_usage : bool
        Whether `encode` asks for the usage of a stream, which the client need not have done; may be set to False.
    """

    speaks: Dialect
    translates: bool
    asks_usage: bool

    def encode(self, body: bytes | dict[str, Any], request: ProviderRequest) -> bytes:
        """Return the body to send.

        Parameters
        ----------
        body : bytes or dict
            In the dialect that the wire speaks: as it came where the client speaks it too, a dict when translated.

        Raises
        ------
        Untranslatable
        """
        ...

    async def call(self, sent: bytes, request: ProviderRequest) -> Call:
        """Return the request to send, with all its headers.

        Raises
        ------
        UnknownProvider
            There are no credentials.
        """
        ...

    def framing(self) -> Framing:
        """Return what cuts a new stream into events."""
        ...

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return an answer that is no stream in the dialect that the wire speaks.

        Raises
        ------
        ValueError, KeyError, TypeError
            It cannot be read.
        """
        ...


class SseFraming:
    """Server-sent events."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes | None]]:
        """Take the next bytes; return the events that are complete."""
        return [(event, event_data(event)) for event in self._splitter.feed(data)]

    def end(self) -> list[tuple[bytes, bytes | None]]:
        """Return the last event of a server that leaves out the blank line after it."""
        rest = self._splitter.rest()
        return [(rest, event_data(rest))] if rest else []


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_fields(raw: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return a JSON object with some of its fields replaced or added; what the others hold is copied, not decoded."""
    return msgspec.json.encode({**_fields.decode(raw), **fields})


def joined(base_url: str, version: str, path: str) -> URL:
    """Return the address of a path under a provider's ``base_url``.

    A base without a path of its own gets the version in front (``http://127.0.0.1:11434`` serves
    ``/v1/chat/completions``); one that ends with the path already, or with ``/invocations``, is used as it is.
    """
    url = URL(base_url.rstrip("/"), encoded=True)
    own = url.raw_path.rstrip("/")
    if own.endswith((path, "/invocations")):
        return url
    return url.with_path((own or version) + path, encoded=True)


def shared_headers(settings: Settings, own: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers of every request to a provider: the wire's, then those of the configuration over them."""
    headers: CIMultiDict[str] = CIMultiDict(
        {"Accept": "*/*", "Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": "pointsman"}
    )
    headers.update(own)
    headers.update(settings.headers)
    return headers


def with_clients(
    headers: CIMultiDict[str], request: ProviderRequest, speaks: Dialect, settings: Settings
) -> CIMultiDict[str]:
    """Return the headers with those of the client that are for a provider of its dialect; the same when none are.

    Where the configuration has a header, it stays as it is there: whose organisation pays is not the client's to say.
    Betas are lists, and both are asked for.
    """
    if request.dialect != speaks or not request.headers:
        return headers
    passed = {name: value for name, value in request.headers.items() if name in PASSED_ON[speaks]}
    if not passed:
        return headers
    configured = {name.lower(): value for name, value in settings.headers.items()}
    headers = headers.copy()
    for name, value in passed.items():
        if name not in configured:
            headers[name] = value
        elif name in BETAS:
            headers[name] = f"{configured[name]},{value}"
    return headers
