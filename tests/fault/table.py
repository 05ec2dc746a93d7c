"""The table that the suite ends with."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fault.run import Row

HEAD = ("fault", "runs", "decisions", "outcomes", "lost", "doubled", "heals in s")


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
