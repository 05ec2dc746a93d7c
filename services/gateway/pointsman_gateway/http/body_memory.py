"""Bound on the memory that the bodies of all requests in flight take together.

A body is counted with what is made of it: received parts, the decoded objects, and the provider's request.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from pointsman.runtime.heap import trim_heap
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.http.problems import ProblemError, gateway_limit

FREE_BYTES = 64 * 1024
"""Bodies up to this length are not counted; the number of connections bounds them."""
COPIES = 4
"""Received, decoded, translated and encoded."""
TRIM_BYTES = 64 * 1024 * 1024
"""After so much memory of bodies, free pages are returned to the operating system: few at a time, because it takes
time."""
TRIM_DELAY_S = 1.0
"""Until then the outcome, which is made from the request, has been built."""
_CONTAINER_BYTES = 100
_VALUE_BYTES = 130
"""Largest size of a decoded object or list, and of a value in it with its name, as measured with CPython."""
MAX_VALUES = 1_000_000
"""Most separators and brackets in a body, those in texts included: decoding and checking so many stops the gateway for
0.13 s. A million tokens of prose or code have a tenth of it."""
_SHARE_OF_MEMORY = 0.25
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_MEGABYTE = 1_000_000

_KEY = "pointsman.body_memory"


class BodyMemory:
    """The bound of one gateway, by default a quarter of the memory of the machine or container.

    One request is always admitted, so that a body within the limit of its route is served whatever the bound is.
    """

    def __init__(self, limit_mb: int = 0) -> None:
        self._limit_bytes = limit_mb * _MEGABYTE or int(_SHARE_OF_MEMORY * _memory_bytes())
        self._used_bytes = 0
        self._freed_bytes = 0
        self._trimming: asyncio.TimerHandle | None = None

    def open(self, scope: Scope) -> BodyReservation:
        """Return the reservation of a request, which `reserve` grows; the owner closes it."""
        reservation = scope[_KEY] = BodyReservation(self)
        return reservation

    def grow(self, reserved: int, wanted: int) -> None:
        """Grow a reservation; raise a 503 when the other requests leave too little."""
        others = self._used_bytes - reserved
        if others and others + wanted > self._limit_bytes:
            raise gateway_limit(
                "bodies", "the requests in progress take all memory for bodies (gateway.body_memory_mb)"
            )
        self.add(wanted - reserved)

    def add(self, size: int) -> None:
        """Change the memory in use."""
        self._used_bytes += size
        metrics.body_memory_bytes.set(self._used_bytes)
        self._freed_bytes += max(0, -size)
        if self._freed_bytes >= TRIM_BYTES and self._trimming is None:
            self._trimming = asyncio.get_running_loop().call_later(TRIM_DELAY_S, self._trim)

    def _trim(self) -> None:
        self._freed_bytes, self._trimming = 0, None
        asyncio.get_running_loop().run_in_executor(None, trim_heap)


class BodyReservation:
    """The memory of one request's body."""

    __slots__ = ("_memory", "_reserved")

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._reserved = 0

    def grow(self, size: int) -> None:
        """Reserve memory up to this size."""
        if size > self._reserved:
            self._memory.grow(self._reserved, size)
            self._reserved = size

    def close(self) -> None:
        """Return all of it."""
        if self._reserved:
            self._memory.add(-self._reserved)
            self._reserved = 0


class BoundedBodies:
    """An ASGI application whose request bodies are bounded together."""

    def __init__(self, app: ASGIApp, memory: BodyMemory) -> None:
        self._app = app
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and return the memory of its body at the end."""
        reservation = self._memory.open(scope)
        try:
            await self._app(scope, receive, send)
        finally:
            reservation.close()


def reserve(scope: Scope, length: int) -> None:
    """Reserve memory for a body of this length, or of which so much has arrived; raise a 503 when there is too little.

    A scope that no `BodyMemory` has seen is not bounded.
    """
    if length > FREE_BYTES and _KEY in scope:
        scope[_KEY].grow(COPIES * length)


def reserve_decoded(scope: Scope, body: bytes) -> None:
    """Reserve memory for the decoded form of a whole body too: many small values take up to 30 times their length.

    Raise a 413 for a body with more than `MAX_VALUES`.
    """
    if len(body) > FREE_BYTES:
        containers, separators = body.count(b"{") + body.count(b"["), body.count(b",")
        if containers + separators > MAX_VALUES:
            raise ProblemError(413, f"expected a body of at most {MAX_VALUES} values: commas and opening brackets")
        if _KEY in scope:
            values = _CONTAINER_BYTES * containers + _VALUE_BYTES * separators
            scope[_KEY].grow(COPIES * len(body) + values)


def _memory_bytes() -> int:
    """Return the memory of the machine, or of the container when that has less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return total
