"""What a connection may send: bounds on the time and the size of a request, before anything of it is understood.

The parser itself has none: a client could send headers for ever, or a byte a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pointsman.messages.codec import encode
from pointsman.messages.problem import CONTENT_TYPE, Problem

MAX_HEAD_BYTES = 64 * 1024
"""Of the request line and the headers; what came in one piece with the end of the head is not counted."""
BODY_ROOM = 8
"""A request may be this many times as long as its longest body: chunks have frames, and refused bodies are skipped."""


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds. Use `bounded`, which sets them."""

    read_timeout_s: float
    max_request_bytes: int
    max_request_bytes_of: Mapping[str, int]

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._asked = False
        self._in_head = False
        self._whole = False
        self._received = 0
        self._most = self.max_request_bytes
        self._began_s = self.loop.time()
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch the clock."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the type, as asyncio intends
        self._watch = self.loop.call_later(self.read_timeout_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data in; refuse the request when it gets too long."""
        request = self.headers
        super().data_received(data)
        if self._whole or request is not self.headers:
            return  # the usual case: all of it came at once
        self._received += len(data)
        if self._in_head and self._received > MAX_HEAD_BYTES:
            self._refuse(431, f"expected at most {MAX_HEAD_BYTES} bytes of headers")
        elif self._received > self._most:
            self._refuse(413, "the request is too long")

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._asked = True
        self._in_head = True
        self._whole = False
        self._received = 0
        self._most = self.max_request_bytes
        self._began_s = self.loop.time()

    def on_headers_complete(self) -> None:
        """Note that the head is whole, so that it is known how long the rest may be."""
        self._in_head = False
        super().on_headers_complete()
        self._most = self.max_request_bytes_of.get(self.scope["path"], self.max_request_bytes)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with a problem as everywhere."""
        self._refuse(400, "this is not an HTTP/1.1 request")

    def _look(self) -> None:
        """Refuse a request that takes too long; look again when the next one could be too late."""
        if self.transport.is_closing():
            return
        left_s = self._began_s + self.read_timeout_s - self.loop.time()
        if self._whole or left_s > 0:
            self._watch = self.loop.call_later(self.read_timeout_s if self._whole else left_s, self._look)
        elif not self._asked:
            self.transport.close()  # a connection on which nothing was ever said
        else:
            self._refuse(408, f"the request was not whole after {self.read_timeout_s:g} s")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer, unless that would fall into another answer, and close the connection."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            phrase = HTTPStatus(status).phrase
            body = encode(Problem(title=phrase, status=status, detail=detail))
            head = (
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {CONTENT_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever waits for the rest of the body must not answer after this
            cycle.message_event.set()
        self.transport.close()


def bounded(
    read_timeout_s: float, max_body_bytes: int, max_body_bytes_of: Mapping[str, int] | None = None
) -> type[BoundedProtocol]:
    """Return the protocol with its bounds set; the server makes an instance for each connection.

    Parameters
    ----------
    read_timeout_s : float
        How long a request may take to come in.
    max_body_bytes : int
        Longest body.
    max_body_bytes_of : mapping of path to int, optional
        Longest body on paths that take another.
    """
    limits = {
        "read_timeout_s": read_timeout_s,
        "max_request_bytes": _room(max_body_bytes),
        "max_request_bytes_of": {path: _room(most) for path, most in (max_body_bytes_of or {}).items()},
    }
    return type("BoundedProtocol", (BoundedProtocol,), limits)


def _room(max_body_bytes: int) -> int:
    return MAX_HEAD_BYTES + BODY_ROOM * max_body_bytes
