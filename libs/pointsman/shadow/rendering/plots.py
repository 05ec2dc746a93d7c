"""Plots of the HTML page: inline SVG, colored by the style sheet, with their numbers as a text description."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import NamedTuple

from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.report.number_format import NumberFormat, span

WIDTH = 400.0
ROW = 44.0
LINE = 17.0
LETTER = 7.0
"""Approximate width of a letter."""
FOOT = 30.0
SIDE = 8.0
GUTTER = 52.0
"""Room for the numbers to the left of a plot by day."""
DAY_HEIGHT = 150.0

_ids = count(1)
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values from ``low`` to ``high`` to positions from ``start`` to ``end``, which may be reversed."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, margin: float = 0.06) -> Axis:
        """Return an axis that contains these values, with a margin at both ends."""
        known = list(values) or [0.0]
        low, high = min(known), max(known)
        room = (high - low) * margin or abs(high) * margin or 1.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return the position of a value, rounded to 0.1."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self, most: int = 5) -> list[float]:
        """Return at most this many round numbers within the axis."""
        raw = (self.high - self.low) / max(most, 1)
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * size for factor in _STEPS if factor * size >= raw * (1.0 - 1e-9))
        first = math.ceil(self.low / step)
        found = [round(at * step, 12) for at in range(first, first + most + 2)]
        return [tick for tick in found if tick <= self.high]


class Row(NamedTuple):
    """A labeled estimate, with a thick interval from ``low`` to ``high`` and a thin one around it."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    thin_low: float | None = None
    thin_high: float | None = None

    @classmethod
    def from_estimate(cls, label: str, shown: ReportedEstimate) -> Row:
        """Return a row with both intervals of an estimate."""
        return cls(label, shown.estimate, shown.low, shown.high, shown.always_valid.low, shown.always_valid.high)

    def describe(self, number_format: NumberFormat) -> str:
        """Return the numbers as text."""
        if self.estimate is None:
            return f"{self.label}: unknown"
        text = f"{self.label}: {number_format(self.estimate)}"
        if self.low is not None and self.high is not None:
            text += f", interval {span(self.low, self.high, number_format)}"
        if self.thin_low is not None and self.thin_high is not None:
            text += f", always valid {span(self.thin_low, self.thin_high, number_format)}"
        return text


def _known(rows: Sequence[Row], mark: float | None) -> list[float]:
    """Return every known number of the rows, and the mark; empty if no number is known."""
    numbers = [number for row in rows for number in row[1:] if isinstance(number, float)]
    return [*numbers, *([] if mark is None else [mark])] if numbers else []


def forest(
    title: str, rows: Sequence[Row], number_format: NumberFormat, mark: float | None = None, mark_label: str = ""
) -> str:
    """Draw intervals below each other, with a vertical line at ``mark``, such as 0 for differences.

    ``mark_label`` is the meaning of the line, for the description.
    """
    known = _known(rows, mark)
    if not known:
        return ""
    axis = Axis.over(known, SIDE, WIDTH - SIDE)
    bottom = ROW * len(rows) + 4.0
    parts = _ticks(axis, bottom, number_format)
    if mark is not None:
        parts.append(_line("mark", axis.at(mark), 2.0, axis.at(mark), bottom))
    for at, row in enumerate(rows):
        parts += _interval(row, ROW * at, axis, number_format)
    described = [row.describe(number_format) for row in rows]
    if mark is not None and mark_label:
        described.append(f"The line marks {mark_label}: {number_format(mark)}")
    return _figure(title, ". ".join(described), bottom + FOOT, parts)


def by_day(title: str, days: Sequence[Row], number_format: NumberFormat, mark: float | None = None) -> str:
    """Draw one value per day with its interval, from left to right; the label of a row is its day."""
    known = _known(days, mark)
    if not known:
        return ""
    axis = Axis.over(known, DAY_HEIGHT, 8.0)
    step = (WIDTH - GUTTER - 2 * SIDE) / max(len(days), 1)
    parts = []
    for tick in axis.ticks(4):
        parts.append(_line("grid", GUTTER, axis.at(tick), WIDTH - SIDE, axis.at(tick)))
        parts.append(_text("tick end", GUTTER - 6.0, axis.at(tick) + 4.0, number_format(tick)))
    if mark is not None:
        parts.append(_line("mark", GUTTER, axis.at(mark), WIDTH - SIDE, axis.at(mark)))
    every = max(1, -(-len(days) // 6))
    path: list[str] = []
    for at, day in enumerate(days):
        x = round(GUTTER + SIDE + step * (at + 0.5), 1)
        if at % every == 0:
            parts.append(_text("tick middle", x, DAY_HEIGHT + 18.0, day.label[5:]))
        if day.low is not None and day.high is not None:
            parts.append(_line("thick", x, axis.at(day.low), x, axis.at(day.high)))
        if day.estimate is not None:
            path.append(f"{x},{axis.at(day.estimate)}")
    if len(path) > 1:
        parts.append(f'<polyline class="through" points="{" ".join(path)}"/>')
    parts += [f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>' for x, y in (place.split(",") for place in path)]
    described = ". ".join(day.describe(number_format) for day in days)
    return _figure(title, described, DAY_HEIGHT + FOOT, parts)


def bars(title: str, rows: Sequence[tuple[str, float]], number_format: NumberFormat, whole: float | None = None) -> str:
    """Draw amounts as bars; ``whole`` is the amount that fills the width, by default the largest."""
    if not rows:
        return ""
    axis = Axis(0.0, whole or max(amount for _, amount in rows) or 1.0, SIDE, WIDTH - SIDE)
    parts = []
    top = 0.0
    for label, amount in rows:
        for line in label.split("\n"):
            parts.append(_text("label", SIDE, top + 15.0, fitted(line, number_format(amount))))
            top += LINE
        parts.append(_text("label end strong", WIDTH - SIDE, top - LINE + 15.0, number_format(amount)))
        parts.append(_rect("track", SIDE, top + 5.0, axis.end - SIDE))
        parts.append(_rect("fill", SIDE, top + 5.0, max(axis.at(amount) - SIDE, 0.0)))
        top += ROW - LINE
    described = ". ".join(f"{label}: {number_format(amount)}".replace("\n", " ") for label, amount in rows)
    return _figure(title, described, top, parts)


def fitted(label: str, number: str) -> str:
    """Return a label, without its middle if it is too long for the line that it shares with a number."""
    room = int((WIDTH - 2 * SIDE) / LETTER) - len(number) - 2
    if len(label) <= room:
        return label
    return f"{label[: room // 2]}…{label[len(label) - (room - room // 2 - 1) :]}"


def _interval(row: Row, top: float, axis: Axis, number_format: NumberFormat) -> list[str]:
    middle = top + 29.0
    number = "unknown" if row.estimate is None else number_format(row.estimate)
    parts = [
        _text("label", SIDE, top + 15.0, fitted(row.label, number)),
        _text("label end strong", WIDTH - SIDE, top + 15.0, number),
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


def _ticks(axis: Axis, bottom: float, number_format: NumberFormat) -> list[str]:
    parts = []
    for tick in axis.ticks(5):
        x = axis.at(tick)
        parts.append(_line("grid", x, 2.0, x, bottom))
        place = "middle" if 30.0 < x < WIDTH - 30.0 else "start" if x < WIDTH / 2 else "end"
        parts.append(_text(f"tick {place}", x, bottom + 18.0, number_format(tick)))
    return parts


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
