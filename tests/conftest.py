"""Settings of all tests: Hypothesis, shared fixtures, the order and the scheduling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

from tests.support.fault_table import Table

# Equal examples in every run, so that only a change can make a test fail; no deadline, because a busy machine is not
# a failure.
settings.register_profile("pointsman", derandomize=True, deadline=None)
settings.load_profile("pointsman")

pytest_plugins = ["tests.support.fixtures"]

FAULTS = "tests/fault"


def pytest_configure(config: pytest.Config) -> None:
    """Register the table of faults in the process that prints."""
    config.pluginmanager.register(Table())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fault tests first: they take longest and mostly wait, while another process runs the others."""
    items.sort(key=lambda item: not item.nodeid.startswith(FAULTS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Schedule by file: each process has its own servers. The fault tests share a cluster and run in one process."""
    return _ByFile(config, log)


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return FAULTS if nodeid.startswith(FAULTS) else nodeid.partition("::")[0]
