"""One fault from beginning to end: load, fault, healing, more load, the check, and a row of the table."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

from tests.fault.cluster import Cluster
from tests.fault.diagnosis import diagnosis, waiting
from tests.fault.healing import healed
from tests.fault.invariants import Findings, InvariantBroken, check
from tests.fault.ledger import Ledger
from tests.fault.load import Load
from tests.support.fault_table import Row

BEFORE_S = 0.6
AFTER_S = 0.3
LEAST_DECISIONS = 10
ENDS_WITHIN_S = 240.0
"""Bound on a run: longer than the bounds of its parts, shorter than that of pytest, which cannot report on services."""
STOPS_WITHIN_S = 60.0
GIVEN_UP_WITHIN_S = 10.0


@dataclass(slots=True)
class Run:
    """What a fault acts on.

    Attributes
    ----------
    cluster : Cluster
    ledger : Ledger
        Of everything since the cluster was started.
    load : Load
        Running while the fault acts.
    hold_s : float
        How long a fault that lasts is to last.
    """

    cluster: Cluster
    ledger: Ledger
    load: Load
    hold_s: float

    @contextlib.contextmanager
    def blind(self) -> Iterator[None]:
        """Note the time in which nothing can be learned, or heard of by the replicas."""
        with _noted(self.ledger.blind):
            yield

    @contextlib.contextmanager
    def gateway_gone(self) -> Iterator[None]:
        """Note the time in which the gateway itself cannot answer."""
        with _noted(self.ledger.gateway_gone):
            yield


Fault = Callable[[Run], Awaitable[None]]
"""Does its damage, and returns when that is over."""


async def run_fault(
    cluster: Cluster,
    ledger: Ledger,
    name: str,
    fault: Fault,
    rows: list[Row],
    *,
    seed: int | None = None,
    hold_s: float = 3.3,
) -> Row:
    """Run a fault under load and check every invariant afterwards.

    Parameters
    ----------
    seed : int, optional
        Of the load; left out, it is made from the name.

    Raises
    ------
    InvariantBroken
        Also when all that does not end. This and every other error comes with a diagnosis in its notes.
    """
    seed = crc32(name.encode()) if seed is None else seed
    work = asyncio.create_task(_run_fault(cluster, ledger, name, fault, rows, seed, hold_s))
    try:
        await asyncio.wait({work}, timeout=ENDS_WITHIN_S + 2.0 * hold_s)
        if not work.done():
            raise InvariantBroken(f"I3: {name}: it does not end\n{waiting()}")
        return work.result()
    except Exception as error:
        error.add_note(f"--- answers so far: {dict(ledger.statuses)}")
        if len(error.__notes__) == 1:
            error.add_note(await diagnosis(cluster))
        raise
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=GIVEN_UP_WITHIN_S)


async def _run_fault(
    cluster: Cluster, ledger: Ledger, name: str, fault: Fault, rows: list[Row], seed: int, hold_s: float
) -> Row:
    before = (len(ledger.acknowledged_decisions()), len(ledger.acknowledged_outcomes()))
    found, row = Findings(), Row(name, 0, 0, 0, 0, None)
    rows.append(row)
    try:
        async with Load(cluster, ledger, seed) as load:
            await asyncio.sleep(BEFORE_S)
            await fault(Run(cluster, ledger, load, hold_s))
            row.heal_s = await healed(cluster)
            await asyncio.sleep(AFTER_S)
        await healed(cluster)
        found = await check(cluster, ledger)
    finally:
        row.decisions = len(ledger.acknowledged_decisions()) - before[0]
        row.outcomes = len(ledger.acknowledged_outcomes()) - before[1]
        row.lost, row.doubled = found.lost, found.doubled
    found.raise_problems()
    assert row.decisions >= LEAST_DECISIONS, f"only {row.decisions} decisions were acknowledged: {ledger.statuses}"
    assert row.outcomes >= LEAST_DECISIONS, f"only {row.outcomes} outcomes were acknowledged: {ledger.statuses}"
    return row


@contextlib.contextmanager
def _noted(spans: list[tuple[float, float]]) -> Iterator[None]:
    began = time.time()
    try:
        yield
    finally:
        spans.append((began, time.time()))


@contextlib.asynccontextmanager
async def repeated(action: Callable[[], Awaitable[None]], every_s: float) -> AsyncIterator[None]:
    """Do something again and again while the body runs.

    It is asked to stop and not cancelled: a library may swallow a cancellation, as `asyncio.wait_for` does at times
    before Python 3.12, and the loop would go on for ever. So the action must end by itself, whatever is broken.
    """
    stop = asyncio.Event()

    async def loop() -> None:
        while not stop.is_set():
            await action()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await stop.wait()

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        stop.set()
        try:
            await asyncio.wait({task}, timeout=STOPS_WITHIN_S)
        finally:
            task.cancel()
    assert task.done(), f"what is repeated does not end\n{waiting()}"
    task.result()
