"""Three NATS servers, killed one after the other while another is slow: nothing is lost, doubled or falsely unknown.

A 404 for an outcome is in the ledger as an answer that is wrong, because each outcome is for an acknowledged decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fault.cluster import TIERS
from tests.fault.ledger import Ledger
from tests.fault.load import Load
from tests.fault.replicated_cluster import ReplicatedCluster
from tests.fault.run import Run, run_fault
from tests.support.fault_table import Row
from tests.support.nats_cluster import SIZE, slowed
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

KILLS = int(os.environ.get("SERVER_KILLS", "15"))
CLIENTS, SLOW_CLIENTS = 4, 20
SLOW_S = 4.0
OUTCOMES_BETWEEN = 20
"""Outcomes that must be acknowledged before the next server is killed."""
BEFORE_KILL_S, DOWN_S, PAUSE_S = 0.5, 0.7, 0.02


@pytest_asyncio.fixture(loop_scope="session")
async def replicated(tmp_path: Path) -> AsyncIterator[ReplicatedCluster]:
    cluster = ReplicatedCluster(tmp_path)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()


@contextlib.asynccontextmanager
async def reporting_at_once(decisions: Load, outcomes: Load, clients: int, pause_s: float) -> AsyncIterator[None]:
    """Report each outcome as soon as its decision is answered, when a slow copy does not have it yet."""
    stop = asyncio.Event()

    async def report() -> None:
        while not stop.is_set():
            decision_id = await decisions.decide(random.choice(TIERS))
            if decision_id is not None:
                await outcomes.report(decision_id, outcomes.values())
            await asyncio.sleep(pause_s)

    tasks = [asyncio.create_task(report()) for _ in range(clients)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _reached(ledger: Ledger, outcomes: int) -> bool:
    return len(ledger.outcomes) >= outcomes


async def test_servers_killed_in_turn_while_another_is_slow_lose_and_double_nothing(
    replicated: ReplicatedCluster, rows: list[Row]
) -> None:
    ledger = Ledger()

    async def slow_down(run: Run) -> None:
        slow, second = replicated.servers.servers[1], Load(replicated.second_gateway, ledger, seed=1)
        await replicated.servers.move_leader("DECISIONS", slow)
        async with slowed(slow), reporting_at_once(run.load, second, SLOW_CLIENTS, 0.0):
            await asyncio.sleep(SLOW_S)
        await second.stop()

    async def kill_in_turn(run: Run) -> None:
        servers = replicated.servers.servers
        async with reporting_at_once(run.load, run.load, CLIENTS, PAUSE_S):
            for kill in range(KILLS):
                async with slowed(servers[(kill + 1) % SIZE]):
                    await asyncio.sleep(BEFORE_KILL_S)
                async with replicated.killed(servers[kill % SIZE]):
                    await asyncio.sleep(DOWN_S)
                # Not until all copies are complete: the next server is also killed while another one catches up.
                enough = len(run.ledger.outcomes) + OUTCOMES_BETWEEN
                await eventually(lambda enough=enough: _reached(run.ledger, enough), "more outcomes")  # type: ignore[misc]
        await replicated.until_current()

    await run_fault(replicated, ledger, "one server of 3 slow", slow_down, rows)
    await run_fault(replicated, ledger, f"{KILLS} servers of 3 killed", kill_in_turn, rows)
