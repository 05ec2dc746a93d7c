"""Status of every process, as each reports it over NATS."""

import asyncio
import time
from collections.abc import Sequence

import pointsman
from pointsman.runtime.bus import BusError, Message
from pointsman.runtime.bus.status import STATS_SUBJECT, ProcessStatus, read_status
from pointsman_gateway.backends import Backends

QUERY_TIMEOUT_S = 0.3
QUIET_S = 0.05
CACHE_S = 1.0


class ProcessMonitor:
    """Asks all processes for their status."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._known: set[str] = set()
        self._cached: list[ProcessStatus] = []
        self._cached_until_s = 0.0
        self._pending: asyncio.Task[list[ProcessStatus]] | None = None

    async def query(self) -> list[ProcessStatus]:
        """Return the status of every process that responds in time; raise `BusError` without a connection."""

        def complete(answers: Sequence[Message]) -> bool:
            return self._known <= {process.id for answer in answers if (process := read_status(answer)) is not None}

        bus = self._backends.require_bus()
        answers = await bus.gather(STATS_SUBJECT, wait_s=QUERY_TIMEOUT_S, quiet_s=QUIET_S, enough=complete)
        processes = [process for answer in answers if (process := read_status(answer)) is not None]
        self._known = {process.id for process in processes}
        return processes

    async def recent(self) -> list[ProcessStatus]:
        """Return what `query` returned at most a second ago; only this process while NATS cannot be reached."""
        if time.monotonic() >= self._cached_until_s:
            if self._pending is None or self._pending.done():
                self._pending = asyncio.create_task(self._refresh(), name="process status")
            return await asyncio.shield(self._pending)
        return self._cached

    def own(self) -> ProcessStatus:
        """Return the status of this process."""
        return ProcessStatus("", pointsman.__version__, self._backends.status.status())

    async def _refresh(self) -> list[ProcessStatus]:
        try:
            self._cached = await self.query()
        except BusError:
            self._cached = [self.own()]
        self._cached_until_s = time.monotonic() + CACHE_S
        return self._cached
