"""The frontier of the demo as a chart: quality against cost of models, policy, uniform choice and oracle."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from pointsman.cli.devtools.demo.tally import Means
from pointsman.shadow.report.frontier import best_mix

WIDTH, HEIGHT = 38, 14
LINE = "·"
MIN_COST_USD = 1e-9
"""Lower end of the logarithmic axis for models that cost nothing."""


class Point(NamedTuple):
    """One point of the chart.

    Attributes
    ----------
    key: One character, drawn at the point and in the legend.
    fixed: Whether it is one model alone; the line is the best mix of those.
    """

    key: str
    name: str
    means: Means
    fixed: bool = False
    style: str = ""


def frontier_chart(points: Sequence[Point]) -> Table:
    """Return the chart with its legend. Of points on the same cell, the first in the sequence is drawn."""
    costs = [math.log10(max(point.means.cost_usd, MIN_COST_USD)) for point in points]
    qualities = [point.means.quality for point in points]
    left, bottom = min(costs), min(qualities)
    across, up = max(costs) - left or 1.0, max(qualities) - bottom or 1.0
    cells = [[Text(" ") for _ in range(WIDTH)] for _ in range(HEIGHT)]

    def put(cost_usd: float, quality: float, mark: Text) -> None:
        column = round((math.log10(max(cost_usd, MIN_COST_USD)) - left) / across * (WIDTH - 1))
        row = round((quality - bottom) / up * (HEIGHT - 1))
        cells[HEIGHT - 1 - row][column] = mark

    fixed = [(point.means.cost_usd, point.means.quality) for point in points if point.fixed]
    for step in range(WIDTH):
        cost_usd = 10.0 ** (left + across * step / (WIDTH - 1))
        quality = best_mix(fixed, cost_usd)
        if quality is not None:
            put(cost_usd, quality, Text(LINE, "dim"))
    for point in reversed(points):
        put(point.means.cost_usd, point.means.quality, Text(point.key, point.style or "bold"))
    labels = {0: f"{max(qualities):.1f}", HEIGHT - 1: f"{bottom:.1f}"}
    rows = [Text.assemble(f"{labels.get(at, ''):>6} │", *row) for at, row in enumerate(cells)]
    low, high = (f"${1000.0 * 10.0**end:.2f}" for end in (left, max(costs)))
    rows.append(Text(f"{'':>6} └{'─' * WIDTH}"))
    rows.append(Text(f"{'':>8}{low}{high:>{WIDTH - len(low)}}"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(Text("\n", no_wrap=True).join(rows), _legend(points))
    return grid


def _legend(points: Sequence[Point]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for point in points:
        table.add_row(Text(point.key, point.style or "bold"), Text(point.name, point.style))
    table.add_row(Text(LINE, "dim"), "best mix of the models")
    table.add_row("", "")
    for line in ("up: quality, 0 to 100", "right: $ per 1,000 requests,", "on a logarithmic scale"):
        table.add_row("", Text(line, "dim"))
    return table
