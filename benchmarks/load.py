"""The load: as many requests in flight as asked for, each followed by the next at once, and the time of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from pointsman.runtime.bus import Bus

_LENGTH = b"content-length:"
_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"

_NOT_CHOSEN = (b'"degraded":true', b"x-pointsman-reason: degraded", b"x-pointsman-reason: fallback")
"""What an answer has in it that no policy's choice gave."""

Send = Callable[[], Awaitable[bool]]
"""Sends one request; returns whether a policy chose the answer."""


class Turn(NamedTuple):
    """What one turn came to.

    Attributes
    ----------
    per_s : float
        Requests answered per second.
    p50_ms, p99_ms : float
        From sending a request to having its whole answer.
    failed : int
        Answers that were not what was asked for.
    answered : int
        Requests.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    answered: int


class HttpConnection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection that sends the same request again and again; raw, to be light.

    Parameters
    ----------
    request : bytes
        Head and body.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.status = 0
        self._buffer = b""
        self._missing = -1
        self._chunked = False
        self._answered: asyncio.Future[bool] | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._missing < 0:
            head, end, _ = self._buffer.partition(_END)
            if not end:
                return
            length = _length(head)
            self._chunked = length is None
            self._missing = len(head) + len(_END) + (length or 0)
        whole = self._buffer.endswith(_LAST_CHUNK) if self._chunked else len(self._buffer) >= self._missing
        if whole and self._answered is not None:
            self.status = int(self._buffer[9:12])
            good = self.status == 200 and not any(mark in self._buffer for mark in _NOT_CHOSEN)
            self._buffer, self._missing = b"", -1
            if not self._answered.done():
                self._answered.set_result(good)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is in flight."""
        self._fail(error or ConnectionResetError("closed by the server"))

    async def send(self) -> bool:
        """Send the request and wait for the whole answer; return whether a policy chose it."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._answered

    def close(self) -> None:
        """Close the connection."""
        self._answered = None
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)


def _length(head: bytes) -> int | None:
    """Return the length of the body; None for one that comes in chunks."""
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    return None if at < 0 else int(lowered[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def http_senders(url: str, body: bytes, in_flight: int) -> list[HttpConnection]:
    """Open one connection for each request in flight."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loop = asyncio.get_running_loop()
    connections = []
    host, port = parts.hostname or "", parts.port or 80
    for _ in range(in_flight):
        _, connection = await loop.create_connection(lambda: HttpConnection(request), host, port)
        connections.append(connection)
    return connections


def nats_senders(bus: Bus, subject: str, body: bytes, in_flight: int, timeout_s: float = 2.0) -> list[Send]:
    """Return one sender for each request in flight, all on one connection, as NATS clients do."""

    async def send() -> bool:
        return not (await bus.requests.call(subject, body, timeout_s)).headers  # an error has headers

    return [send] * in_flight


async def take_turn(senders: list[Send], duration_s: float) -> Turn:
    """Keep every sender busy for a while."""
    taken: list[float] = []
    failed = 0
    clock = time.perf_counter
    begin = clock()
    until = begin + duration_s

    async def keep_busy(send: Send) -> None:
        nonlocal failed
        now = clock()
        while now < until:
            sent_at = now
            good = await send()
            now = clock()
            failed += not good
            taken.append(now - sent_at)

    await asyncio.gather(*(keep_busy(send) for send in senders))
    elapsed = clock() - begin
    taken.sort()
    return Turn(len(taken) / elapsed, percentile(taken, 0.5) * 1e3, percentile(taken, 0.99) * 1e3, failed, len(taken))


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, int(len(ordered) * share)))]
