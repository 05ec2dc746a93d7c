"""The contract for outcomes: the first one counts, and no other one for the same decision."""

from __future__ import annotations

import pytest

from tests.fault.cluster import Cluster
from tests.fault.ledger import Ledger
from tests.fault.repeats import REPEATS
from tests.fault.run import run_fault
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("repeat", REPEATS)
async def test_only_the_first_outcome_of_a_decision_counts(
    repeat: str, shared: tuple[Cluster, Ledger], rows: list[Row]
) -> None:
    cluster, ledger = shared
    await run_fault(cluster, ledger, repeat, REPEATS[repeat], rows)
