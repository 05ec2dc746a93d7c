"""Cache that is written to the store in batches: a command for each request would cost more than its decision."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from pointsman.runtime.breaker import Breaker
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.backends import QUICK_TIMEOUT_MS

log = logger("gateway.write_behind_cache")

MAX_UNWRITTEN = 10_000
STORE_RETRY_INTERVAL_S = 1.0

Key = TypeVar("Key")
Value = TypeVar("Value")
Entry = TypeVar("Entry")


class WriteBehindCache(Generic[Key, Value, Entry]):
    """Values in memory until they expire; their entries are written in the background, for the other gateways.

    Parameters
    ----------
    write : callable
        Writes a batch of entries to the store; raises `StateError`.
    interval_s : float
        Time between two batches.
    max_values : int
        Most values in memory; the oldest are dropped first.

    Attributes
    ----------
    breaker: Opens when the store does not accept a batch; for reads of the same data, too.
    """

    def __init__(self, write: Callable[[list[Entry]], Awaitable[None]], interval_s: float, max_values: int) -> None:
        self.breaker = Breaker(STORE_RETRY_INTERVAL_S)
        self._write = write
        self._interval_s = interval_s
        self._max_values = max_values
        self._values: OrderedDict[Key, tuple[Value, float]] = OrderedDict()
        self._unwritten: list[Entry] = []
        self._writing: set[asyncio.Task[None]] = set()

    def get(self, key: Key) -> Value | None:
        """Return a value; None when it is not in memory or has expired."""
        value, expires_s = self._values.get(key, (None, 0.0))
        return value if monotonic() < expires_s else None

    def put(self, key: Key, value: Value, ttl_s: float, entry: Entry) -> None:
        """Keep a value in memory, and write its entry with the next batch."""
        self._values[key] = value, monotonic() + ttl_s
        self._values.move_to_end(key)
        if len(self._values) > self._max_values:
            self._values.popitem(last=False)
        if not self._unwritten:
            task = asyncio.create_task(self._write_batch(), name="write entries")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.append(entry)

    async def close(self) -> None:
        """Write what is pending."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write_batch(self) -> None:
        await asyncio.sleep(self._interval_s)
        entries, self._unwritten = self._unwritten, []
        started_s = monotonic()
        if not self.breaker.admits(started_s, QUICK_TIMEOUT_MS / 1000.0):
            return
        try:
            await self._write(entries)
        except StateError as error:
            self.breaker.failed(started_s, monotonic())
            log.debug("entries are known to this gateway only: %s", error)
        else:
            self.breaker.succeeded(monotonic())
