"""What a connection may send: bounds on the time and the size of a request, before anything of it is understood.

The parser itself has none: a client could send headers for ever, or a byte a minute. Nor has the writer: a client that
reads nothing of a stream would hold a provider's connection for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pointsman_gateway.http.problems import problem
from pointsman_gateway.http.response import HttpResponse

MAX_HEAD_BYTES = 64 * 1024
"""Of the request line and the headers; what came in one piece with another request is not counted."""
BODY_ROOM = 8
"""A request may be this many times as long as its longest body: chunks have frames, and refused bodies are skipped."""
LEAST_BYTES_PER_S = 8 * 1024
"""A long body, where the path takes one, may take longer than others as long as it comes at this rate: 64 kbit/s."""
READ_BY_CLIENT_S = 60.0
"""A client that takes nothing for so long of an answer that waits for it is cut off."""

ProblemFor = Callable[[str, Mapping[str, str], HttpResponse], HttpResponse]
"""From a path, a request's headers and a problem to what the clients of that path expect."""


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds. Use `bounded`, which sets them."""

    read_timeout_s: float
    max_request_bytes: int
    max_request_bytes_of: Mapping[str, int]
    problem_for: ProblemFor

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._asked = False
        self._in_head = False
        self._whole = False
        self._received = 0
        self._most = self.max_request_bytes
        self._since_s = self.loop.time()
        self._long = False
        self._came = 0
        self._watch: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch the clock."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the type, as asyncio intends
        self._watch = self.loop.call_later(self.read_timeout_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        for timer in (self._watch, self._stall):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data in; refuse the request when it gets too long."""
        request = self.headers
        super().data_received(data)
        if self._whole or (request is not self.headers and request is not None):
            return  # all of it came at once, or its beginning came with the end of the one before
        self._received += len(data)
        self._came += len(data)
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
        self._since_s = self.loop.time()
        self._long = False

    def on_headers_complete(self) -> None:
        """Note that the head is whole, so that it is known how long the rest may be."""
        self._in_head = False
        super().on_headers_complete()
        most = self.max_request_bytes_of.get(self.scope["path"])
        if most is not None:
            self._most, self._long, self._came = most, True, 0

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._whole = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to watch a client that does not read as fast as it is written to."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(READ_BY_CLIENT_S, self._look_at_reader)

    def resume_writing(self) -> None:
        """Stop watching it."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with a problem as everywhere."""
        self._refuse(400, "this is not an HTTP/1.1 request")

    def _look(self) -> None:
        """Refuse a request that takes too long; look again when the next one could be too late."""
        if self.transport.is_closing():
            return
        now_s = self.loop.time()
        left_s = self._since_s + self.read_timeout_s - now_s
        if self._whole or left_s > 0:
            self._watch = self.loop.call_later(self.read_timeout_s if self._whole else left_s, self._look)
        elif not self._asked:
            self.transport.close()  # a connection on which nothing was ever said
        elif self._comes_on():
            self._since_s, self._came = now_s, 0
            self._watch = self.loop.call_later(self.read_timeout_s, self._look)
        elif self._long:
            rate = f"{LEAST_BYTES_PER_S} bytes a second"
            self._refuse(
                408, f"the request was not whole after {self.read_timeout_s:g} s, and came at less than {rate}"
            )
        else:
            self._refuse(408, f"the request was not whole after {self.read_timeout_s:g} s")

    def _comes_on(self) -> bool:
        """Tell whether it is a long body that somebody waits for, and that came fast enough since the last look.

        Each time counts by itself: what came fast at first is no credit for a pause, so that a connection is held no
        longer than one that sends steadily for as long.
        """
        wanted = self._long and not self.cycle.response_started
        return wanted and self._came >= LEAST_BYTES_PER_S * self.read_timeout_s

    def _look_at_reader(self) -> None:
        """Cut a client off that has read nothing since the last look."""
        unread = self.transport.get_write_buffer_size()
        if unread >= self._unread:
            self.transport.abort()
            return
        self._unread = unread
        self._stall = self.loop.call_later(READ_BY_CLIENT_S, self._look_at_reader)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer, unless that would fall into another answer, and close the connection."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        queued = bool(self.pipeline)  # behind a request whose answer is still being made
        if not queued and (cycle is None or cycle.response_complete or not cycle.response_started):
            self.transport.write(_encoded(self._problem(status, detail)))
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever waits for the rest of the body must not answer after this
            cycle.message_event.set()
        self.transport.close()

    def _problem(self, status: int, detail: str) -> HttpResponse:
        """Return a problem as the clients of the path expect it, where the path has come."""
        path, headers = "", {}
        if self._asked:
            path = self.scope.get("path") or self.url.partition(b"?")[0].decode("latin-1")
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        return self.problem_for(path, headers, problem(status, detail))


def _encoded(reply: HttpResponse) -> bytes:
    """Return an answer as it goes over the wire, to be the last one of its connection."""
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\ncontent-type: {reply.content_type}\r\n"
        f"content-length: {len(reply.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + reply.body


def _as_it_is(_path: str, _headers: Mapping[str, str], reply: HttpResponse) -> HttpResponse:
    return reply


def bounded(
    read_timeout_s: float,
    max_body_bytes: int,
    max_body_bytes_of: Mapping[str, int] | None = None,
    problem_for: ProblemFor = _as_it_is,
) -> type[BoundedProtocol]:
    """Return the protocol with its bounds set; the server makes an instance for each connection.

    Parameters
    ----------
    read_timeout_s : float
        How long a request may take to come in; on paths that take another length, how long it may take to come in by
        less than `LEAST_BYTES_PER_S`.
    max_body_bytes : int
        Longest body.
    max_body_bytes_of : mapping of path to int, optional
        Longest body on paths that take another.
    problem_for : callable, optional
        Makes problems into what the clients of a path expect.
    """
    limits = {
        "read_timeout_s": read_timeout_s,
        "max_request_bytes": _room(max_body_bytes),
        "max_request_bytes_of": {path: _room(most) for path, most in (max_body_bytes_of or {}).items()},
        "problem_for": staticmethod(problem_for),
    }
    return type("BoundedProtocol", (BoundedProtocol,), limits)


def _room(max_body_bytes: int) -> int:
    return MAX_HEAD_BYTES + BODY_ROOM * max_body_bytes
