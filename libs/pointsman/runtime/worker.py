"""Work on one tier under a lease: `TierWorker`, and periodic tasks: `run_periodically`."""

import asyncio
import enum
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar

from pointsman.contracts.messages.errors import MessageError, UnknownVersion
from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus.errors import BusError
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import bind_tier
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning

RETRY_INTERVAL_S = 0.5
HALT_CHECK_INTERVAL_S = 5.0
RENEWALS_PER_LEASE = 3
"""The lease is renewed so many times before it would expire."""


class WorkerState(enum.StrEnum):
    """State of a `TierWorker`."""

    STARTING = "starting"  # the process has not yet asked for the lease
    STANDBY = "standby"  # another process holds the lease; this one is ready to take over
    LOADING = "loading"  # holds the lease and reads the stored state of the tier for the first time
    RUNNING = "running"  # holds the lease and does the work
    WAITING = "waiting"  # the bus, the store or the tier is not ready; retries at intervals
    HALTED = "halted"  # the stored states contradict each other; an operator must decide


class NotReady(Exception):
    """Raised by `TierWorker.load`: the work cannot begin yet, and no operator is needed."""


class Halted(Exception):
    """Raised by `TierWorker.load`: the stored states contradict each other, and an operator must decide."""


class TierWorker(ABC):
    """Work on one tier, for as long as this process holds the tier's lease.

    States::

        STARTING ─ lease acquired ─▶ LOADING ─┐   ┌─ load succeeds ──▶ RUNNING ─┐
                                              ├───┼─ NotReady ───────▶ WAITING ─┼─ load again
        STANDBY ── lease acquired ────────────┘   └─ Halted ─────────▶ HALTED ──┘

        any state ── lease held by another process ──▶ STANDBY
        any state ── error of the bus or the store ──▶ WAITING
        any state ── a message of a newer version ───▶ WAITING, until this process is upgraded

    A worker that loads from STANDBY, RUNNING, WAITING or HALTED keeps that state until the outcome of `load` is known,
    so it stays ready when it takes over.

    The lease is for efficiency. Correctness rests on the commits of the work, which compare what they expect in the
    store: two workers that both believe to hold the lease do no harm.

    ``holder`` is unique to this process; ``subject`` is the work as log lines name it, ``tier <tier>`` by default.
    """

    role: ClassVar[str]
    """Role in the name of the lease; another role on the same tier is another lease."""
    running_status: ClassVar[str]
    """Text of the state RUNNING in status messages, such as ``writing``."""

    def __init__(
        self,
        store: Store,
        tier: str,
        holder: str,
        lease_ms: int,
        log: logging.Logger,
        subject: str = "",
        *,
        retry_interval_s: float = RETRY_INTERVAL_S,
        halt_check_interval_s: float = HALT_CHECK_INTERVAL_S,
    ) -> None:
        self.tier = tier
        self.state = WorkerState.STARTING
        self.detail = ""
        """Reason for the state WAITING or HALTED."""
        self.renew_interval_s = lease_ms / 1000.0 / RENEWALS_PER_LEASE
        self._lease = Lease(store, self.role, tier, holder, lease_ms)
        self._renewed_at = 0.0
        self._halt_reported = False
        self._newer = ""
        self._waits = metrics.waits_for_upgrade.labels(self.role, tier)
        self._waits.set(0)  # from the start, so that the first wait is an increase
        self._log = log
        self._subject = subject or f"tier {tier}"
        self._warning = RateLimitedWarning(log, self._subject, "retrying")
        self._retry_interval_s = retry_interval_s
        self._halt_check_interval_s = halt_check_interval_s

    @property
    def running(self) -> bool:
        """Whether this process works on the tier at present."""
        return self.state is WorkerState.RUNNING

    @property
    def status(self) -> str:
        """State as text, for status messages; their texts are an interface, which has none for LOADING."""
        match self.state:
            case WorkerState.RUNNING:
                return self.running_status
            case WorkerState.LOADING:
                return str(WorkerState.STARTING)
            case WorkerState.WAITING:
                return f"{self.state.value}: {self.detail}"
            case _:
                return str(self.state)

    @property
    def readiness(self) -> str:
        """``ok`` when the worker runs or stands by, its status otherwise."""
        return "ok" if self.state in (WorkerState.RUNNING, WorkerState.STANDBY) else self.status

    def problem(self) -> StatusProblem | None:
        """Return why the worker waits or is halted; None in the other states."""
        if self.state not in (WorkerState.WAITING, WorkerState.HALTED):
            return None
        halted = self.state is WorkerState.HALTED
        return StatusProblem(kind=str(self.state), subject=self._subject, text=self.detail, serious=halted)

    async def run(self) -> None:
        """Work until cancelled. Errors other than of the bus and the store are bugs, and are raised."""
        bind_tier(self.tier)
        try:
            while True:
                try:
                    await self._work()
                except (BusError, StateError) as error:
                    self.on_failure()
                    self._warning.failed(str(error))
                    await self._wait(str(error))
                except UnknownVersion as error:
                    await self._wait_for_upgrade(str(error))
        finally:
            if self.state in (WorkerState.LOADING, WorkerState.RUNNING, WorkerState.HALTED):
                await self._drop_lease()

    @abstractmethod
    async def load(self) -> None:
        """Read the stored state of the tier and prepare the first step.

        Raise `NotReady` when the work cannot begin yet, `Halted` when the stored states contradict each other.
        """

    @abstractmethod
    async def step(self) -> bool:
        """Do the next piece of work, or wait for it, for less than `renew_interval_s`; return False to load again."""

    async def unload(self) -> None:  # noqa: B027  # optional
        """Release what `load` has acquired. Called after the last step, whatever ended it."""

    def on_standby(self) -> None:  # noqa: B027  # optional
        """React to the lease being held by another process. Called at every attempt to acquire it."""

    def on_failure(self) -> None:  # noqa: B027  # optional
        """React to an error of the bus or the store."""

    async def on_halt(self, problem: str) -> None:  # noqa: B027  # optional
        """React to the worker being halted. Called once, not at every check, unless it fails."""

    async def on_newer(self, problem: str) -> None:  # noqa: B027  # optional
        """React to a message of a newer version. Called once for each message, not at every attempt to read it."""

    async def holds_lease(self) -> bool:
        """Renew the lease if it is time; return whether this process holds it. For long steps."""
        now = time.monotonic()
        if now - self._renewed_at < self.renew_interval_s:
            return True
        if not await self._lease.hold():
            return False
        self._renewed_at = now
        return True

    async def _work(self) -> None:
        """Ask for the lease once; with it, load and work until something ends that."""
        self._renewed_at = time.monotonic()
        if not await self._lease.hold():
            self._enter(WorkerState.STANDBY)
            self._waits.set(0)
            self._warning.recovered()
            self.on_standby()
            await asyncio.sleep(self.renew_interval_s)
            return
        if self.state is WorkerState.STARTING:
            self._enter(WorkerState.LOADING)
        try:
            await self.load()
        except NotReady as reason:
            await self._wait(str(reason))
            return
        except Halted as problem:
            await self._halt(str(problem))
            return
        if not self._newer:  # otherwise the first step shows whether it can be read now
            self._enter(WorkerState.RUNNING)
        try:
            while await self.holds_lease():
                self._warning.recovered()
                if not await self.step():
                    return
                if self._newer:
                    self._newer = ""
                    self._waits.set(0)
                    self._enter(WorkerState.RUNNING)
            self._log.info("%s: another process has the lease now", self._subject)
        finally:
            await self.unload()

    async def _wait(self, reason: str) -> None:
        self._enter(WorkerState.WAITING, reason)
        await asyncio.sleep(self._retry_interval_s)

    async def _drop_lease(self) -> None:
        try:
            await self._lease.drop()
        except StateError as error:
            self._log.debug("%s: lease not released: %s", self._subject, error)

    async def _wait_for_upgrade(self, problem: str) -> None:
        """Wait, without the lease: an upgraded process can read the message, and a skipped one would be lost."""
        self._waits.set(1)
        await self._drop_lease()
        if problem != self._newer:
            self._newer = problem
            self._log.error("%s waits for an upgrade of this service: %s", self._subject, problem)
            try:
                await self.on_newer(f"{problem}. Upgrade this service; nothing is skipped")
            except BusError as error:
                self._log.warning("%s: no alert raised: %s", self._subject, error)
        self._enter(WorkerState.WAITING, problem)
        await asyncio.sleep(self._halt_check_interval_s)

    async def _halt(self, problem: str) -> None:
        if self.state is not WorkerState.HALTED:
            self._log.error("%s halted: %s", self._subject, problem)
            self._halt_reported = False
        self._enter(WorkerState.HALTED, problem)
        if not self._halt_reported:
            try:
                await self.on_halt(problem)
                self._halt_reported = True
            except (BusError, StateError) as error:
                self._log.warning("%s: the halt is not reported yet: %s", self._subject, error)
        await asyncio.sleep(self._halt_check_interval_s)

    def _enter(self, state: WorkerState, detail: str = "") -> None:
        self.state, self.detail = state, detail


async def run_periodically(
    task: Callable[[], Awaitable[object]],
    interval_s: float,
    *,
    log: logging.Logger,
    failure: str,
    tier: str = "",
    condition: Callable[[], bool] = lambda: True,
) -> None:
    """Await a task at intervals, until cancelled. After a failure it is awaited again at the next interval.

    ``task``: its errors of the bus, the store or a message are logged; any other is a bug, and is raised.
    ``interval_s``: pause between the end of the task and its next start.
    ``failure``: what has failed, as the log line names it.
    ``tier``: the tier that the task is about.
    ``condition``: the task is skipped while this returns False, such as while another process works on the tier.
    """
    if tier:
        bind_tier(tier)
    while True:
        if condition():
            try:
                await task()
            except (BusError, StateError, MessageError) as error:
                log.warning("%s%s: %s", f"tier {tier}: " if tier else "", failure, error)
        await asyncio.sleep(interval_s)
