"""Snapshot of the system: status of every process, streams, and progress of each tier, queried concurrently."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import ServiceStatus
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import BusError, StreamInfo
from pointsman.runtime.bus.status import ProcessStatus
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.process_monitor import CACHE_S, QUERY_TIMEOUT_S, QUIET_S, ProcessMonitor

T = TypeVar("T")


class TierProgress(NamedTuple):
    """Last outcome in the log of a tier, and last outcome applied; None where unknown."""

    log_end: int | None
    watermark: int | None


@dataclass(slots=True)
class SystemSnapshot:
    """What could be queried.

    ``connected``: whether the gateway is connected to NATS.
    ``store_error``: empty if the store is reachable.
    ``streams``: streams that could be queried.
    ``dead_letters``: their number, by stream.
    ``problems``: what could not be queried.
    """

    at_ms: int
    connected: bool = False
    store_error: str = ""
    processes: list[ProcessStatus] = field(default_factory=list)
    streams: dict[str, StreamInfo] = field(default_factory=dict)
    tiers: dict[str, TierProgress] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def statuses(self, service: str) -> list[ServiceStatus]:
        """Return the status of each process of a service."""
        return [process.status for process in self.processes if process.status.service == service]


class SystemMonitor:
    """Takes snapshots of the system; concurrent requests share one, and it is cached for a second."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._processes = ProcessMonitor(backends)
        self._cached: SystemSnapshot | None = None
        self._cached_until_s = 0.0
        self._pending: asyncio.Task[SystemSnapshot] | None = None

    async def snapshot(self) -> SystemSnapshot:
        """Return a snapshot that is at most a second old."""
        if self._cached is not None and time.monotonic() < self._cached_until_s:
            return self._cached
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._query(), name="system snapshot")
        return await asyncio.shield(self._pending)

    async def _query(self) -> SystemSnapshot:
        backends = self._backends
        found = SystemSnapshot(int(time.time() * 1000), connected=backends.bus is not None)
        queries: list[Awaitable[None]] = [self._query_tier(found, tier) for tier in backends.tiers]
        if found.connected:
            queries += [self._query_processes(found), self._query_dead_letters(found)]
            queries += [self._query_stream(found, name) for name in subjects.STREAM_SUBJECTS]
        else:
            found.problems.append("NATS: not connected")
            found.processes.append(self._processes.own())
        await asyncio.gather(*queries)
        found.tiers = {tier: found.tiers[tier] for tier in backends.tiers}  # in the order of the configuration
        if found.store_error:
            found.problems.append(f"the store: {found.store_error}")
        found.processes.sort(key=lambda process: (process.status.service, process.status.instance))
        self._cached, self._cached_until_s = found, time.monotonic() + CACHE_S
        return found

    async def _query_processes(self, found: SystemSnapshot) -> None:
        found.processes = await _in_time(self._processes.query(), "services", found) or []

    async def _query_stream(self, found: SystemSnapshot, name: str) -> None:
        info = await _in_time(self._backends.require_bus().info(name, QUERY_TIMEOUT_S), f"stream {name}", found)
        if info is not None:
            found.streams[name] = info

    async def _query_dead_letters(self, found: SystemSnapshot) -> None:
        pattern = subjects.STREAM_SUBJECTS[subjects.DEAD]
        query = self._backends.require_bus().subjects(subjects.DEAD, pattern, QUERY_TIMEOUT_S)
        counts = await _in_time(query, "dead letters", found) or {}
        found.dead_letters = {subject.partition(".")[2].upper(): count for subject, count in counts.items()}

    async def _query_tier(self, found: SystemSnapshot, tier: str) -> None:
        log_end = watermark = None
        bus = self._backends.bus
        if bus is not None:
            try:
                last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier), QUERY_TIMEOUT_S)
                log_end = last.sequence if last is not None else 0
            except BusError as error:
                found.problems.append(f"outcome log of {tier}: {error}")
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                watermark = await TierStore(self._backends.quick_store, tier).watermark()
        except (StateError, TimeoutError) as error:
            found.store_error = str(error) or "no response in time"
        found.tiers[tier] = TierProgress(log_end, watermark)


async def _in_time(query: Awaitable[T], name: str, found: SystemSnapshot) -> T | None:
    """Return the result of a query; None, with a problem noted, if it fails or takes too long."""
    try:
        async with asyncio.timeout(QUERY_TIMEOUT_S + QUIET_S):
            return await query
    except (BusError, TimeoutError) as error:
        found.problems.append(f"{name}: {str(error) or 'no response in time'}")
        return None
