"""The suite, checked: with a safeguard taken out, the fault that it guards against must be noticed.

``make test-mutations``; not part of ``make test``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.cluster import Cluster
from tests.fault.faults import ALONE
from tests.fault.invariants import InvariantBroken
from tests.fault.ledger import Ledger
from tests.fault.mutations import MUTATIONS, Mutation, mutated
from tests.fault.repeats import REPEATS
from tests.fault.run import run_fault
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
async def test_a_safeguard_taken_out_is_noticed(mutation: Mutation, tmp_path: Path, rows: list[Row]) -> None:
    package = mutated(mutation, tmp_path / "package")
    cluster = Cluster(tmp_path, package)
    fault = {**ALONE, **REPEATS}[mutation.fault]
    try:
        await cluster.start()
        with pytest.raises(InvariantBroken) as broken:
            await run_fault(cluster, Ledger(), f"{mutation.fault} ({mutation.name})", fault, rows)
    finally:
        await cluster.stop()
    print(f"\n{mutation.name}, under {mutation.fault}:\n{broken.value}")
    assert f"'{mutation.invariant}'" in str(broken.value)
