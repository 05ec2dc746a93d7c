"""Normalisers: bring costs and latencies of any size to 0…1, so that one weight fits all."""

from __future__ import annotations

import math
from typing import Protocol


class Normalizer(Protocol):
    """Maps a value to 0…1. Its state is part of what is learned, and is saved with it."""

    def observe(self, value: float) -> float:
        """Take the value into the state and return it normalised, 0 to 1."""
        ...

    def state(self) -> list[float]:
        """Return what must be kept to go on later; exact when written with 17 digits."""
        ...


class RunningRange:
    """Min-max over everything seen so far, the value itself included (the reference's way).

    The first value, and every value while all were equal, is 0.

    Parameters
    ----------
    state : list of float
        ``[low, high]`` as `state` returned it, or empty for a new one.
    """

    def __init__(self, state: list[float] | None = None) -> None:
        self._low, self._high = state or (math.inf, -math.inf)

    def observe(self, value: float) -> float:
        """Widen the range to the value, and return where in the range it lies."""
        self._low = min(self._low, value)
        self._high = max(self._high, value)
        span = self._high - self._low
        return (value - self._low) / span if span > 0.0 else 0.0

    def state(self) -> list[float]:
        """Return ``[low, high]``, or an empty list before the first value."""
        return [self._low, self._high] if self._low <= self._high else []


class FixedRange:
    """Min-max between bounds that the configuration gives; values outside are clamped. It has no state.

    Parameters
    ----------
    low, high : float
        ``low < high``, both finite.
    """

    def __init__(self, low: float, high: float) -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"expected low < high, got {low} and {high}")
        self._low, self._high = low, high

    def observe(self, value: float) -> float:
        """Return where between the bounds the value lies."""
        return min(max((value - self._low) / (self._high - self._low), 0.0), 1.0)

    def state(self) -> list[float]:
        """Return an empty list."""
        return []
