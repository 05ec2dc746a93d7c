"""Bound on the requests in progress of a client, with a bounded wait for a free place."""

from __future__ import annotations

import asyncio

from pointsman.runtime.http.errors import LimitReached


class ConnectionSlots:
    """One slot for each connection that may be in use; who waits first is served first."""

    def __init__(self, limit: int, wait_timeout_s: float) -> None:
        self._limit = limit
        self._wait_timeout_s = wait_timeout_s
        self._free = asyncio.Semaphore(limit)

    async def take(self) -> None:
        """Take a slot; raise `LimitReached` when none is free in time."""
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                await self._free.acquire()
        except TimeoutError as error:
            waited = f"none became free within {self._wait_timeout_s * 1000:.0f} ms"
            raise LimitReached("connections", f"all {self._limit} connections are in use, and {waited}") from error

    def give_back(self) -> None:
        """Return a slot."""
        self._free.release()


class ConnectionSlot:
    """The slot of one request, which `take` may take again after `release`; both are idempotent."""

    __slots__ = ("_slots", "_taken")

    def __init__(self, slots: ConnectionSlots) -> None:
        self._slots = slots
        self._taken = False

    async def take(self) -> None:
        """Take the slot; raise `LimitReached` when none is free in time."""
        if not self._taken:
            await self._slots.take()
            self._taken = True

    def release(self) -> None:
        """Return the slot."""
        if self._taken:
            self._taken = False
            self._slots.give_back()
