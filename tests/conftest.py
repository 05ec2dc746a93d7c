"""What holds for all tests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

from tests.support.fault_table import Table

# The same examples at every run, so that a failure comes from a change and not by chance; and no deadline, because
# a busy machine is no failure.
settings.register_profile("pointsman", derandomize=True, deadline=None)
settings.load_profile("pointsman")

pytest_plugins = ["tests.support.fixtures"]

FAULTS = "tests/fault"


def pytest_configure(config: pytest.Config) -> None:
    """Have the table of faults printed by the process that prints."""
    config.pluginmanager.register(Table())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the faults first: they take longest, and mostly wait, while another process runs all the rest."""
    items.sort(key=lambda item: not item.nodeid.startswith(FAULTS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Say what may run at the same time: any two files, for each process has its own servers; the faults share one."""
    return _ByFile(config, log)


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return FAULTS if nodeid.startswith(FAULTS) else nodeid.partition("::")[0]
