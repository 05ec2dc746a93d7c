"""Faults that come together, by a seeded schedule."""

from __future__ import annotations

import random

import pytest

from tests.fault.cluster import Cluster
from tests.fault.ledger import Ledger
from tests.fault.run import run_fault
from tests.fault.schedule import draw, together
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

SEEDS = (1, 3)


@pytest.mark.parametrize("seed", SEEDS)
async def test_faults_together_lose_and_double_nothing(
    seed: int, shared: tuple[Cluster, Ledger], rows: list[Row]
) -> None:
    cluster, ledger = shared
    rng = random.Random(seed)
    fault = together(draw(rng, 3), rng)
    await run_fault(cluster, ledger, "three together", fault, rows, seed=seed)
