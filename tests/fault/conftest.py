"""Clusters for the fault tests, replaced after a failed test, and rows of the table at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fault.cluster import Cluster
from tests.fault.ledger import Ledger
from tests.support.fault_table import PROPERTY, Row

collect_ignore = [
    *([] if os.environ.get("SOAK_MINUTES") else ["test_soak.py"]),
    *([] if os.environ.get("MUTATIONS") else ["test_mutations.py"]),
]

TIMEOUT_S = 300.0
"""Longer than the bounds of the suite itself, whose errors name the cause."""

_rows = pytest.StashKey[list[Row]]()
_broken = pytest.StashKey[bool]()


@dataclass(slots=True)
class Held:
    """The cluster that the tests share, and the ledger of its clients."""

    cluster: Cluster | None = None
    ledger: Ledger | None = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """The test's rows of the table, for each run to add its own to."""
    of_test: list[Row] = request.node.stash.setdefault(_rows, [])
    return of_test


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def held() -> AsyncIterator[Held]:
    holder = Held()
    yield holder
    if holder.cluster is not None:
        await holder.cluster.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def shared(
    held: Held, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Cluster, Ledger]]:
    """A cluster that other tests have attacked before, and its ledger."""
    if held.cluster is None or held.ledger is None:
        held.cluster, held.ledger = Cluster(tmp_path_factory.mktemp("cluster")), Ledger()
        await held.cluster.start()
    yield held.cluster, held.ledger
    if request.node.stash.get(_broken, False):
        await held.cluster.stop()
        held.cluster = held.ledger = None


@pytest_asyncio.fixture(loop_scope="session")
async def own(tmp_path: Path) -> AsyncIterator[tuple[Cluster, Ledger]]:
    """A cluster for one test, which may leave it in any state."""
    cluster = Cluster(tmp_path)
    await cluster.start()
    yield cluster, Ledger()
    await cluster.stop()
    shutil.rmtree(tmp_path / "jetstream", ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        report.user_properties += [(PROPERTY, asdict(row)) for row in item.stash.get(_rows, [])]
        item.stash[_broken] = report.failed
    return report
