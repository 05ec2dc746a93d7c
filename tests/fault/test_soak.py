"""The long form, ``make soak``: random faults, alone and together, for ``SOAK_MINUTES``; checked after each round.

``SOAK_SEED`` begins the schedule elsewhere; what failed can be run again with the seed that the failure names.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.fault.cluster import Cluster
from tests.fault.invariants import InvariantBroken
from tests.fault.ledger import Ledger
from tests.fault.run import run_fault
from tests.fault.schedule import draw, together
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

ROUNDS_WITH_A_CLUSTER = 12
HOLD_S = (2.0, 30.0)


@pytest.mark.timeout(0)
async def test_no_schedule_of_faults_loses_or_doubles_anything(rows: list[Row], tmp_path: Path) -> None:
    ends_at = time.monotonic() + 60.0 * float(os.environ["SOAK_MINUTES"])
    seed = int(os.environ.get("SOAK_SEED", "1"))
    while time.monotonic() < ends_at:
        folder = tmp_path / str(seed)
        folder.mkdir()
        cluster, ledger = Cluster(folder), Ledger()
        try:
            await cluster.start()
            for _ in range(ROUNDS_WITH_A_CLUSTER):
                if time.monotonic() >= ends_at:
                    break
                await _round(cluster, ledger, rows, seed)
                seed += 1
        finally:
            await cluster.stop()


async def _round(cluster: Cluster, ledger: Ledger, rows: list[Row], seed: int) -> None:
    rng = random.Random(seed)
    names = draw(rng, rng.choice((1, 1, 2, 3, 4)))
    hold_s = min(rng.expovariate(0.15) + HOLD_S[0], HOLD_S[1])
    print(f"seed {seed}: {', '.join(names)}, {hold_s:.0f} s", flush=True)
    label = names[0] if len(names) == 1 else f"{len(names)} together"
    try:
        await run_fault(cluster, ledger, label, together(names, rng), rows, seed=seed, hold_s=hold_s)
    except InvariantBroken as error:
        raise InvariantBroken(f"seed {seed}, {names}: {error}") from error
