"""The table that the suite ends with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import pytest

PROPERTY = "fault"
"""The property of a test's report that holds a row: reports go from the process of the test to the one that prints."""

HEAD = ("fault", "runs", "decisions", "outcomes", "lost", "doubled", "heals in s")


@dataclass(slots=True)
class Row:
    """A line of the table at the end."""

    fault: str
    decisions: int
    outcomes: int
    lost: int
    doubled: int
    heal_s: float | None


class Table:
    """Gathers the rows of all tests, and prints them at the end."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.rows += [msgspec.convert(row, Row) for name, row in report.user_properties if name == PROPERTY]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.rows:
            terminalreporter.section("faults")
            for line in lines(self.rows):
                terminalreporter.write_line(line)


def lines(rows: Iterable[Row]) -> list[str]:
    """Return the table, one line for each fault, with the longest time to heal."""
    by_fault: dict[str, list[Row]] = {}
    for row in rows:
        by_fault.setdefault(row.fault, []).append(row)
    cells = [HEAD, *(_cells(fault, runs) for fault, runs in by_fault.items())]
    everything = [row for runs in by_fault.values() for row in runs]
    cells.append(_cells("all", everything))
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    return [
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    ]


def _cells(fault: str, runs: list[Row]) -> tuple[str, ...]:
    heal = [row.heal_s for row in runs]
    longest = max((seconds for seconds in heal if seconds is not None), default=None)
    shown = "-" if longest is None else f"{longest:.1f}" if None not in heal else f"{longest:.1f}, never"
    sums = (sum(getattr(row, name) for row in runs) for name in ("decisions", "outcomes", "lost", "doubled"))
    return fault, str(len(runs)), *map(str, sums), shown
