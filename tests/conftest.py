"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.fault.table import Table

# The same examples at every run, so that a failure comes from a change and not by chance; and no deadline, because
# a busy machine is no failure.
settings.register_profile("pointsman", derandomize=True, deadline=None)
settings.load_profile("pointsman")

FAULTS = "tests/fault"


def pytest_configure(config: pytest.Config) -> None:
    """Have the table of faults printed by the process that prints."""
    config.pluginmanager.register(Table())


@pytest.hookimpl(tryfirst=True)  # before what reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what may run at the same time: any two files, each process having servers of its own; the faults share one.

    The faults are first: they take longest, and mostly wait, while another process runs all the rest.
    """
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(FAULTS if file.startswith(FAULTS) else file))
    items.sort(key=lambda item: not item.nodeid.startswith(FAULTS))
