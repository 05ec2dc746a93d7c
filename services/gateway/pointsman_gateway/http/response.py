"""HTTP responses as plain bytes: what handlers return and the edge sends."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
HTML = "text/html; charset=utf-8"
EVENT_STREAM = "text/event-stream"


class HttpResponse(NamedTuple):
    """One complete response.

    Attributes
    ----------
    headers: Without content type and length; names in lower case.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return all headers in the form that ASGI expects."""
        raw = [(b"content-type", self.content_type.encode()), (b"content-length", b"%d" % len(self.body))]
        raw += [(name.encode(), value.encode()) for name, value in self.headers]
        return raw

    def to_starlette(self) -> Response:
        """Return the same as a Starlette response."""
        return Response(self.body, self.status, dict(self.headers), self.content_type)


class HttpStreamResponse(Protocol):
    """A response that is sent in parts as they arrive, and that notices when the client disconnects."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    async def send(self, send: Send) -> None:
        """Send the whole response; return when it is sent or the client has disconnected."""
        ...


HotHandler = Callable[[Scope, Receive], Awaitable[HttpResponse | HttpStreamResponse]]
"""A handler that the edge calls without the framework in between."""

FrameworkHandler = Callable[[Request], Awaitable[Response]]
"""A handler that the framework calls."""
