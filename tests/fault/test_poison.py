"""Unreadable messages: a dead letter with the reason for one in a log, and no effect elsewhere."""

from __future__ import annotations

import pytest

from tests.fault.cluster import Cluster
from tests.fault.ledger import Ledger
from tests.fault.poison import dead_letters, poison_policies, poison_streams, poison_subjects
from tests.fault.run import Fault, run_fault
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

POISON: dict[str, Fault] = {
    "poison in requests and notices": poison_subjects,
    "poison in the bucket of policies": poison_policies,
}


async def test_poison_in_a_log_becomes_a_dead_letter_and_changes_nothing(
    shared: tuple[Cluster, Ledger], rows: list[Row]
) -> None:
    cluster, ledger = shared
    before = {name: service.pid for name, service in cluster.services.items()}
    await run_fault(cluster, ledger, "poison in the streams", poison_streams, rows)
    dead = await dead_letters(cluster)
    for stream in ("OUTCOMES", "DECISIONS"):
        assert dead[stream] == cluster.poison[stream]
    assert {name: service.pid for name, service in cluster.services.items() if service.running} == before


@pytest.mark.parametrize("kind", POISON)
async def test_poison_changes_nothing(kind: str, shared: tuple[Cluster, Ledger], rows: list[Row]) -> None:
    cluster, ledger = shared
    await run_fault(cluster, ledger, kind, POISON[kind], rows)
    assert all(service.running for service in cluster.services.values())
