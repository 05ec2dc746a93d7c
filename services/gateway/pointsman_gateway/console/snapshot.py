"""Asking everybody how they are: all at once, each for a moment only, and at most once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec

import pointsman
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import ServiceStatus
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import BusError, Message, StreamInfo
from pointsman.runtime.bus.gather import gather
from pointsman.runtime.bus.status import STATUS_ENDPOINT
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.backends import Backends

WAIT_S = 0.3
QUIET_S = 0.05
KEEP_S = 1.0
_ALL_STATS = "$SRV.STATS"

T = TypeVar("T")


class Process(NamedTuple):
    """One process that has answered."""

    version: str
    status: ServiceStatus


class Place(NamedTuple):
    """How far a tier is; None where that could not be asked."""

    log_end: int | None
    watermark: int | None


@dataclass(slots=True)
class Snapshot:
    """What could be found out.

    Attributes
    ----------
    connected : bool
        There is a connection to NATS.
    store : str
        Empty, or why the store cannot be asked.
    processes : list of Process
    streams : dict of name to StreamInfo
        Those that have answered.
    places : dict of tier to Place
    dead : dict of stream to int
    problems : list of str
        What could not be asked.
    """

    at_ms: int
    connected: bool = False
    store: str = ""
    processes: list[Process] = field(default_factory=list)
    streams: dict[str, StreamInfo] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def of(self, service: str) -> list[ServiceStatus]:
        """Return the processes of a service."""
        return [process.status for process in self.processes if process.status.service == service]


class _Endpoint(msgspec.Struct):
    name: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Stats(msgspec.Struct):
    """What of NATS' answer to ``$SRV.STATS`` is looked at."""

    id: str = ""
    name: str = ""
    version: str = ""
    endpoints: list[_Endpoint] = []


_stats_decoder = msgspec.json.Decoder(_Stats)


class SystemWatch:
    """Looks at the system, for all who ask at the same time once.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._known: set[str] = set()
        self._last: Snapshot | None = None
        self._until_s = 0.0
        self._looking: asyncio.Task[Snapshot] | None = None

    async def look(self) -> Snapshot:
        """Return how everything is, or was at most a second ago."""
        if self._last is not None and time.monotonic() < self._until_s:
            return self._last
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="look at the system")
        return await asyncio.shield(self._looking)

    async def _look(self) -> Snapshot:
        backends = self._backends
        now = Snapshot(int(time.time() * 1000), connected=backends.bus is not None)
        if not now.connected:
            now.problems.append("NATS: not connected")
            now.processes.append(Process(pointsman.__version__, backends.status.status()))
        tiers = list(backends.tiers)
        jobs: list[Awaitable[None]] = [self._ask_store(now, tier) for tier in tiers]
        if now.connected:
            jobs += [self._ask_processes(now), self._ask_dead(now)]
            jobs += [self._ask_stream(now, name) for name in subjects.STREAM_SUBJECTS]
        await asyncio.gather(*jobs)
        now.places = {tier: now.places[tier] for tier in tiers}  # in the order of the configuration, not of the answers
        if now.store:
            now.problems.append(f"the store: {now.store}")
        now.processes.sort(key=lambda process: (process.status.service, process.status.instance))
        self._last, self._until_s = now, time.monotonic() + KEEP_S
        return now

    async def _ask_processes(self, now: Snapshot) -> None:
        def everybody(answers: Sequence[Message]) -> bool:
            return self._known <= {_stats_of(answer).id for answer in answers}

        bus = self._backends.require_bus()
        answers = await _bounded(
            gather(bus, _ALL_STATS, wait_s=WAIT_S, quiet_s=QUIET_S, enough=everybody), "services", now
        )
        read = [_stats_of(answer) for answer in answers or []]
        self._known = {stats.id for stats in read}
        for stats in read:
            status = _status_of(stats)
            if status is not None:
                now.processes.append(Process(stats.version, status))

    async def _ask_stream(self, now: Snapshot, name: str) -> None:
        info = await _bounded(self._backends.require_bus().info(name, WAIT_S), f"stream {name}", now)
        if info is not None:
            now.streams[name] = info

    async def _ask_dead(self, now: Snapshot) -> None:
        pattern = subjects.STREAM_SUBJECTS[subjects.DEAD]
        found = await _bounded(
            self._backends.require_bus().subjects(subjects.DEAD, pattern, WAIT_S), "dead letters", now
        )
        now.dead = {subject.partition(".")[2].upper(): count for subject, count in (found or {}).items()}

    async def _ask_store(self, now: Snapshot, tier: str) -> None:
        log_end: int | None = None
        bus = self._backends.bus
        if bus is not None:
            try:
                last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier), WAIT_S)
                log_end = last.sequence if last is not None else 0
            except BusError as error:
                now.problems.append(f"outcome log of {tier}: {error}")
        watermark: int | None = None
        try:
            async with asyncio.timeout(WAIT_S):
                watermark = await TierStore(self._backends.quick_store, tier).watermark()
        except (StateError, TimeoutError) as error:
            now.store = str(error) or "no answer in time"
        now.places[tier] = Place(log_end, watermark)


async def _bounded(asking: Awaitable[T], what: str, now: Snapshot) -> T | None:
    """Return what comes in time; note what does not."""
    try:
        async with asyncio.timeout(WAIT_S + QUIET_S):
            return await asking
    except (BusError, TimeoutError) as error:
        now.problems.append(f"{what}: {error or 'no answer in time'}")
        return None


def _stats_of(answer: Message) -> _Stats:
    try:
        return _stats_decoder.decode(answer.data)
    except msgspec.MsgspecError:
        return _Stats()


def _status_of(stats: _Stats) -> ServiceStatus | None:
    """Return the part that our services add; None for a service that is not ours."""
    for endpoint in stats.endpoints:
        if endpoint.name == STATUS_ENDPOINT:
            try:
                return msgspec.json.decode(endpoint.data, type=ServiceStatus)
            except msgspec.MsgspecError:
                return None
    return None
