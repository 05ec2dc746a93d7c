"""Answers as plain bytes: what the handlers return and the edge sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class HttpResponse(NamedTuple):
    """One HTTP answer.

    Attributes
    ----------
    headers : tuple of (name, value)
        Beyond content type and length; names in lower case.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return all headers as ASGI wants them."""
        raw = [(b"content-type", self.content_type.encode()), (b"content-length", b"%d" % len(self.body))]
        raw += [(name.encode(), value.encode()) for name, value in self.headers]
        return raw

    def response(self) -> Response:
        """Return the same as a Starlette response, for the routes that are not hot."""
        return Response(self.body, self.status, dict(self.headers), self.content_type)


class StreamedResponse(Protocol):
    """An answer that is sent as it comes, and that notices a client that goes."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    async def send(self, send: Send) -> None:
        """Send all of it; return when the client has it, or has gone."""
        ...


HotHandler = Callable[[Scope, Receive], Awaitable[HttpResponse | StreamedResponse]]
"""An endpoint that is called without the framework's layers in between."""
