"""Limits on the time and size of a request at the connection, before any of it is parsed.

The parser has no limits: a client could send headers forever, or one byte per minute. The writer has none either: a
client that reads nothing of a stream would keep the connection to a provider open forever.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pointsman.runtime.telemetry import metrics
from pointsman_gateway.http.connection_limit import PROBES, ConnectionLimit, connection_limit, overloaded
from pointsman_gateway.http.problems import problem
from pointsman_gateway.http.response import HttpResponse

MAX_HEAD_BYTES = 64 * 1024
"""Limit of the request line and headers; data that arrives together with the previous request is not counted."""
BODY_ROOM = 8
"""A request may have this many times the bytes of its longest body, for chunk framing and for refused bodies."""
MIN_BYTES_PER_S = 8 * 1024
"""A long body, on paths that accept one, may exceed the read timeout while it arrives at this rate (64 kbit/s)."""
CLIENT_READ_TIMEOUT_S = 60.0
"""A client that reads nothing of a waiting response for this long is disconnected."""

_UPGRADE = b"\nupgrade:"
_IGNORED = b"\nignored:"
_END_OF_HEAD = b"\r\n\r\n"

ConvertProblem = Callable[[str, Mapping[str, str], HttpResponse], HttpResponse]
"""From a path, request headers and a problem document to the error that clients of the path expect."""


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol with limits; `bounded` returns a subclass that has them."""

    read_timeout_s: float
    max_request_bytes: int
    max_request_bytes_of: Mapping[str, int]
    connection_limit: ConnectionLimit
    convert_problem: ConvertProblem

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **options: Any) -> None:
        super().__init__(config, server_state, app_state, **options)
        self._start_request()
        self._has_request = False
        self._in_head = False
        self._received_in_period = 0
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the read timer; close a connection over the limit."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the type, as asyncio intends
        if len(self.connections) > self.connection_limit.open:
            metrics.gateway_limits.labels("connections").inc()
            self.transport.abort()
            return
        self._read_timer = self.loop.call_later(self.read_timeout_s, self._check_read_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        for timer in (self._read_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive data; refuse the request when it is too long."""
        previous_headers = self.headers
        if self._in_head or self._complete or not self._has_request:
            data = _without_upgrade(data)
        super().data_received(data)
        if self._complete or (previous_headers is not self.headers and previous_headers is not None):
            return  # it arrived in one piece, or its beginning arrived with the end of the previous request
        self._received += len(data)
        self._received_in_period += len(data)
        if self._in_head and self._received > MAX_HEAD_BYTES:
            self._refuse(431, f"expected at most {MAX_HEAD_BYTES} bytes of headers")
        elif self._received > self._max_bytes:
            self._refuse(413, "the request is too long")

    def on_message_begin(self) -> None:
        """Reset the counters for a new request."""
        super().on_message_begin()
        self._start_request()

    def _start_request(self) -> None:
        self._has_request = True
        self._in_head = True
        self._complete = False
        self._received = 0
        self._max_bytes = self.max_request_bytes
        self._started_s = self.loop.time()
        self._is_long = False

    def on_headers_complete(self) -> None:
        """Set the limit of the body, which depends on the path."""
        self._in_head = False
        is_over = len(self.connections) > self.connection_limit.served
        self.app = self._overloaded if is_over and not self._is_probe() else self.config.loaded_app
        super().on_headers_complete()
        limit = self.max_request_bytes_of.get(self.scope["path"])
        if limit is not None:
            self._max_bytes, self._is_long, self._received_in_period = limit, True, 0
        if self.expect_100_continue:  # such a client may not send the body after a refusal
            self.cycle.keep_alive = False

    def _is_probe(self) -> bool:
        return self.url.partition(b"?")[0] in PROBES

    async def _overloaded(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a request on a connection over the limit."""
        response = self._converted(overloaded())
        await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers()})
        await send({"type": "http.response.body", "body": response.body})

    def on_message_complete(self) -> None:
        """Stop counting: the request is complete."""
        self._complete = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the write timer for a client that reads slower than the gateway writes."""
        super().pause_writing()
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(CLIENT_READ_TIMEOUT_S, self._check_client_reads)

    def resume_writing(self) -> None:
        """Stop the write timer."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP with a problem document."""
        self._refuse(400, "expected an HTTP/1.1 request")

    def _check_read_timeout(self) -> None:
        """Refuse a request that takes too long; start the timer again for the next check."""
        if self.transport.is_closing():
            return
        now_s = self.loop.time()
        left_s = self._started_s + self.read_timeout_s - now_s
        if self._complete or left_s > 0:
            self._read_timer = self.loop.call_later(
                self.read_timeout_s if self._complete else left_s, self._check_read_timeout
            )
        elif not self._has_request:
            self.transport.close()  # nothing was ever received
        elif self._is_fast_enough():
            self._started_s, self._received_in_period = now_s, 0
            self._read_timer = self.loop.call_later(self.read_timeout_s, self._check_read_timeout)
        elif self._is_long:
            rate = f"{MIN_BYTES_PER_S} bytes per second"
            self._refuse(
                408, f"the request was not complete after {self.read_timeout_s:g} s and arrived at less than {rate}"
            )
        else:
            self._refuse(408, f"the request was not complete after {self.read_timeout_s:g} s")

    def _is_fast_enough(self) -> bool:
        """Return whether a long body, which a handler waits for, arrived fast enough since the last check.

        Each period counts by itself: bytes that arrived early do not pay for a later pause.
        """
        is_read = self._is_long and not self.cycle.response_started
        return is_read and self._received_in_period >= MIN_BYTES_PER_S * self.read_timeout_s

    def _check_client_reads(self) -> None:
        """Disconnect a client that has read nothing since the last check."""
        unread = self.transport.get_write_buffer_size()
        if unread >= self._unread_bytes:
            self.transport.abort()
            return
        self._unread_bytes = unread
        self._write_timer = self.loop.call_later(CLIENT_READ_TIMEOUT_S, self._check_client_reads)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer, unless another response is being sent, and close the connection."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        queued = bool(self.pipeline)  # waits for the response to an earlier request
        is_answered = not self._in_head and cycle is not None and cycle.response_complete  # and the rest is dropped
        if not queued and not is_answered and (cycle is None or cycle.response_complete or not cycle.response_started):
            self.transport.write(_encode(self._converted(problem(status, detail))))
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # a handler that waits for the rest of the body must not answer after this
            cycle.message_event.set()
        self.transport.close()

    def _converted(self, document: HttpResponse) -> HttpResponse:
        """Return a problem as the clients of the path expect it, when the path is known."""
        path, headers = "", {}
        if self._has_request:
            path = self.scope.get("path") or self.url.partition(b"?")[0].decode("latin-1")
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        return self.convert_problem(path, headers, document)


def _without_upgrade(data: bytes) -> bytes:
    """Return the data with the header ``Upgrade`` renamed, because a server may ignore it (RFC 9110, 7.8).

    The parser would drop the body of such a request and stop: the JDK's client sends all its requests so (``h2c``).
    """
    end = data.find(_END_OF_HEAD)
    at = data[: end if end >= 0 else None].lower().find(_UPGRADE)
    return data if at < 0 else data[:at] + _IGNORED + data[at + len(_UPGRADE) :]


def _encode(response: HttpResponse) -> bytes:
    """Return the bytes of the last response of a connection."""
    head = (
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\ncontent-type: {response.content_type}\r\n"
        f"content-length: {len(response.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + response.body


def unchanged(_path: str, _headers: Mapping[str, str], response: HttpResponse) -> HttpResponse:
    """Return the problem document: the format of most paths."""
    return response


def bounded(
    read_timeout_s: float,
    max_body_bytes: int,
    max_body_bytes_of: Mapping[str, int] | None = None,
    convert_problem: ConvertProblem = unchanged,
    max_connections: int = 10_000,
) -> type[BoundedProtocol]:
    """Return a protocol class with limits; the server creates an instance for each connection.

    A request must be complete within ``read_timeout_s``; on the paths of ``max_body_bytes_of``, which have their own
    limit of the body, it must only not arrive at less than `MIN_BYTES_PER_S` for that time. ``max_connections`` is
    reduced to what the limit of file descriptors allows.
    """
    limits = {
        "read_timeout_s": read_timeout_s,
        "max_request_bytes": _with_room(max_body_bytes),
        "max_request_bytes_of": {path: _with_room(limit) for path, limit in (max_body_bytes_of or {}).items()},
        "connection_limit": connection_limit(max_connections),
        "convert_problem": staticmethod(convert_problem),
    }
    return type("BoundedProtocol", (BoundedProtocol,), limits)


def _with_room(max_body_bytes: int) -> int:
    return MAX_HEAD_BYTES + BODY_ROOM * max_body_bytes
