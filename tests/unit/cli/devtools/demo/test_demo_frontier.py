from __future__ import annotations

import io

from rich.console import Console

from pointsman.cli.devtools.demo.frontier import Point, frontier_chart
from pointsman.cli.devtools.demo.summary import frontier_points, mix_finding
from pointsman.cli.devtools.demo.tally import Means
from tests.unit.cli.devtools.demo.test_demo_summary import some_tally


def drawn(points: list[Point]) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(frontier_chart(points))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_every_point_is_drawn_at_its_place_with_its_name() -> None:
    points = [
        Point("P", "served by x", Means(0.0, 85.0, 0.002)),
        Point("1", "only small", Means(0.0, 60.0, 0.001), fixed=True),
        Point("2", "only large", Means(0.0, 90.0, 0.004), fixed=True),
    ]
    lines = drawn(points)
    chart = [line.split("│")[1] for line in lines if "│" in line]
    assert chart[-1].startswith("1")
    assert chart[0][37] == "2"
    assert sum(line[:38].count("P") for line in chart) == 1
    text = "\n".join(lines)
    assert "…" not in text
    for part in ("P served by x", "1 only small", "90.0 │", "60.0 │", "$1.00", "$4.00"):
        assert part in text


def test_points_on_one_place_can_be_drawn() -> None:
    assert any("P" in line for line in drawn([Point("P", "free", Means(0.0, 0.0, 0.0))]))


def test_the_finding_compares_the_policy_with_the_mix_at_its_cost() -> None:
    points = frontier_points(some_tally(), "linucb")
    assert [point.key for point in points] == ["P", "O", "U", "1", "2"]
    served, small, large = points[0].means, points[3].means, points[4].means
    share = (served.cost_usd - small.cost_usd) / (large.cost_usd - small.cost_usd)
    gain = served.quality - (small.quality + share * (large.quality - small.quality))
    assert f"{abs(gain):.1f} points of quality {'above' if gain >= 0.0 else 'below'}" in mix_finding(points)
