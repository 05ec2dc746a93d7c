"""Each fault alone, under load: nothing acknowledged is lost or counted twice, and all is well again by itself."""

from __future__ import annotations

import pytest

from tests.fault.cluster import Cluster
from tests.fault.faults import ALONE
from tests.fault.ledger import Ledger
from tests.fault.run import run_fault
from tests.support.fault_table import Row

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("fault", ALONE)
async def test_no_fault_loses_or_doubles_anything(fault: str, shared: tuple[Cluster, Ledger], rows: list[Row]) -> None:
    cluster, ledger = shared
    await run_fault(cluster, ledger, fault, ALONE[fault], rows)
