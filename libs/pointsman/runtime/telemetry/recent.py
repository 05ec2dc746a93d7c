"""What was counted lately: counters only ever rise, so the last minute is the difference to a minute ago. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

Reading = Mapping[str, tuple[float, ...]]
"""Counters by name; a histogram is the counts of its buckets."""

EVERY_S = 10.0
"""How often to take a reading."""
OVER_S = 60.0
"""How far back to look, at least once so long a time has passed."""


class Difference(NamedTuple):
    """What was counted over some time."""

    over_s: float
    counts: dict[str, tuple[float, ...]]

    def total(self, name: str) -> float:
        """Return the sum of a counter's numbers; 0 for one that has counted nothing."""
        return sum(self.counts.get(name, ()))


class RecentCounts:
    """Remembers readings for about a minute.

    Parameters
    ----------
    now_s : float
        Any clock that only goes on.
    reading : mapping
        As it is to begin with.
    """

    def __init__(self, now_s: float, reading: Reading) -> None:
        self._readings: deque[tuple[float, dict[str, tuple[float, ...]]]] = deque([(now_s, dict(reading))])

    def take(self, now_s: float, reading: Reading) -> None:
        """Remember a reading, and forget all that is more than a minute old but the newest of those."""
        self._readings.append((now_s, dict(reading)))
        while len(self._readings) > 1 and now_s - self._readings[1][0] >= OVER_S:
            self._readings.popleft()

    def since(self, now_s: float, reading: Reading) -> Difference:
        """Return what was counted between the oldest reading that is remembered and this one."""
        then_s, before = self._readings[0]
        counts = {}
        for name, numbers in reading.items():
            old = before.get(name, ())
            old = old if len(old) == len(numbers) else (0.0,) * len(numbers)
            counts[name] = tuple(max(new - was, 0.0) for new, was in zip(numbers, old, strict=True))
        return Difference(max(now_s - then_s, 0.0), counts)
