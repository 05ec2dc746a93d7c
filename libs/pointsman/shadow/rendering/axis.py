"""A linear axis of a plot, with round numbers as ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

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
