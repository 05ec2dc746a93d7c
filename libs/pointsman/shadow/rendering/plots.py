"""The drawings of the page: inline SVG, coloured by the page's style sheet, each with its numbers as a description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import count
from typing import NamedTuple

from pointsman.shadow.rendering.axis import Axis

WIDTH = 400.0
ROW = 44.0
LINE = 17.0
LETTER = 7.0
"""About how wide a letter is."""
FOOT = 30.0
SIDE = 8.0
GUTTER = 52.0
"""Room for the numbers at the left of a plot over time."""
DAY_HEIGHT = 150.0

Words = Callable[[float], str]
"""How a number is said."""


class Row(NamedTuple):
    """One interval: the thick one from ``low`` to ``high``, the thin one around it, and the estimate."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    thin_low: float | None = None
    thin_high: float | None = None

    @property
    def values(self) -> list[float]:
        """Everything of it that is known."""
        return [value for value in self[1:] if isinstance(value, float)]


class Point(NamedTuple):
    """A value of one day, with its interval."""

    day: str
    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def values(self) -> list[float]:
        """Everything of it that is known."""
        return [value for value in self[1:] if isinstance(value, float)]


_ids = count(1)


def forest(title: str, rows: Sequence[Row], say: Words, mark: float | None = None, mark_label: str = "") -> str:
    """Draw intervals one under the other.

    Parameters
    ----------
    say : callable
        How a number is said.
    mark : float, optional
        Where a vertical line stands, as 0 for differences.
    """
    known = [value for row in rows for value in row.values]
    if not known:
        return ""
    axis = Axis.over([*known, *([] if mark is None else [mark])], SIDE, WIDTH - SIDE)
    bottom = ROW * len(rows) + 4.0
    parts = _ticks(axis, bottom, say)
    if mark is not None:
        parts.append(_line("mark", axis.at(mark), 2.0, axis.at(mark), bottom))
    described = []
    for at, row in enumerate(rows):
        parts += _interval(row, ROW * at, axis, say)
        described.append(f"{row.label}: {_said(row, say)}")
    if mark is not None and mark_label:
        described.append(f"The line marks {mark_label}: {say(mark)}")
    return _figure(title, ". ".join(described), bottom + FOOT, parts)


def by_day(title: str, points: Sequence[Point], say: Words, mark: float | None = None) -> str:
    """Draw one value a day with its interval, from left to right."""
    known = [value for point in points for value in point.values]
    if not known:
        return ""
    axis = Axis.over([*known, *([] if mark is None else [mark])], DAY_HEIGHT, 8.0)
    step = (WIDTH - GUTTER - 2 * SIDE) / max(len(points), 1)
    parts = []
    for tick in axis.ticks(4):
        parts.append(_line("grid", GUTTER, axis.at(tick), WIDTH - SIDE, axis.at(tick)))
        parts.append(_text("tick end", GUTTER - 6.0, axis.at(tick) + 4.0, say(tick)))
    if mark is not None:
        parts.append(_line("mark", GUTTER, axis.at(mark), WIDTH - SIDE, axis.at(mark)))
    every = max(1, -(-len(points) // 6))
    path: list[str] = []
    for at, point in enumerate(points):
        x = round(GUTTER + SIDE + step * (at + 0.5), 1)
        if at % every == 0:
            parts.append(_text("tick middle", x, DAY_HEIGHT + 18.0, point.day[5:]))
        if point.low is not None and point.high is not None:
            parts.append(_line("thick", x, axis.at(point.low), x, axis.at(point.high)))
        if point.value is not None:
            path.append(f"{x},{axis.at(point.value)}")
    if len(path) > 1:
        parts.append(f'<polyline class="through" points="{" ".join(path)}"/>')
    parts += [f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>' for x, y in (place.split(",") for place in path)]
    described = ". ".join(f"{p.day}: {_said(Row(p.day, p.value, p.low, p.high), say)}" for p in points)
    return _figure(title, described, DAY_HEIGHT + FOOT, parts)


def bars(title: str, rows: Sequence[tuple[str, float]], say: Words, whole: float | None = None) -> str:
    """Draw amounts as bars; ``whole`` is what fills the width, the largest by default."""
    if not rows:
        return ""
    axis = Axis(0.0, whole or max(amount for _, amount in rows) or 1.0, SIDE, WIDTH - SIDE)
    parts = []
    top = 0.0
    for label, amount in rows:
        for line in label.split("\n"):
            parts.append(_text("label", SIDE, top + 15.0, fitted(line, say(amount))))
            top += LINE
        parts.append(_text("label end strong", WIDTH - SIDE, top - LINE + 15.0, say(amount)))
        parts.append(_rect("track", SIDE, top + 5.0, axis.end - SIDE))
        parts.append(_rect("fill", SIDE, top + 5.0, max(axis.at(amount) - SIDE, 0.0)))
        top += ROW - LINE
    described = ". ".join(f"{label}: {say(amount)}".replace("\n", " ") for label, amount in rows)
    return _figure(title, described, top, parts)


def fitted(label: str, beside: str) -> str:
    """Return a label with its middle left out if it is too long for the line that it shares with a number."""
    room = int((WIDTH - 2 * SIDE) / LETTER) - len(beside) - 2
    if len(label) <= room:
        return label
    return f"{label[: room // 2]}…{label[len(label) - (room - room // 2 - 1) :]}"


def _interval(row: Row, top: float, axis: Axis, say: Words) -> list[str]:
    middle = top + 29.0
    said = "unknown" if row.estimate is None else say(row.estimate)
    parts = [
        _text("label", SIDE, top + 15.0, fitted(row.label, said)),
        _text("label end strong", WIDTH - SIDE, top + 15.0, said),
    ]
    if row.thin_low is not None and row.thin_high is not None:
        low, high = axis.at(row.thin_low), axis.at(row.thin_high)
        parts.append(_line("thin", low, middle, high, middle))
        parts += [_line("thin", end, middle - 4.0, end, middle + 4.0) for end in (low, high)]
    if row.low is not None and row.high is not None:
        parts.append(_line("thick", axis.at(row.low), middle, axis.at(row.high), middle))
    if row.estimate is not None:
        parts.append(f'<circle class="dot" cx="{axis.at(row.estimate)}" cy="{middle}" r="5"/>')
    return parts


def _ticks(axis: Axis, bottom: float, say: Words) -> list[str]:
    parts = []
    for tick in axis.ticks(5):
        x = axis.at(tick)
        parts.append(_line("grid", x, 2.0, x, bottom))
        place = "middle" if 30.0 < x < WIDTH - 30.0 else "start" if x < WIDTH / 2 else "end"
        parts.append(_text(f"tick {place}", x, bottom + 18.0, say(tick)))
    return parts


def _said(row: Row, say: Words) -> str:
    if row.estimate is None:
        return "unknown"
    told = say(row.estimate)
    if row.low is not None and row.high is not None:
        told += f", interval {say(row.low)} to {say(row.high)}"
    if row.thin_low is not None and row.thin_high is not None:
        told += f", always valid {say(row.thin_low)} to {say(row.thin_high)}"
    return told


def _figure(title: str, described: str, height: float, parts: Sequence[str]) -> str:
    name = f"plot{next(_ids)}"
    return (
        f'<figure><figcaption id="{name}">{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-labelledby="{name} {name}d">'
        f'<desc id="{name}d">{escape(described)}</desc>{"".join(parts)}</svg></figure>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def _rect(kind: str, x: float, y: float, width: float) -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="8" rx="4"/>'


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'
