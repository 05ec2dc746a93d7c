"""Normalisation of costs and latencies to 0…1, so that one weight applies to all tiers."""

from __future__ import annotations

import math
from typing import Protocol


class Normalizer(Protocol):
    """Maps a value to 0…1. Its state is part of the learned state."""

    def observe(self, value: float) -> float:
        """Update the state with a value, and return the normalised value, 0 to 1."""
        ...

    def state(self) -> list[float]:
        """Return the state to store; exact when written with 17 digits."""
        ...


class RunningRange:
    """Min-max over all values so far including the current one, as in the reference.

    The result is 0 for the first value, and while all values are equal.

    Parameters
    ----------
    state : list of float
        ``[low, high]`` from `state`, or empty for a new range.
    """

    def __init__(self, state: list[float] | None = None) -> None:
        self._low, self._high = state or (math.inf, -math.inf)

    def observe(self, value: float) -> float:
        """Extend the range to the value, and return its relative position in the range."""
        self._low = min(self._low, value)
        self._high = max(self._high, value)
        span = self._high - self._low
        return (value - self._low) / span if span > 0.0 else 0.0

    def state(self) -> list[float]:
        """Return ``[low, high]``, or an empty list before the first value."""
        return [self._low, self._high] if self._low <= self._high else []


class FixedRange:
    """Min-max between two configured bounds; values outside are clamped. Without state.

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
        """Return the relative position of the value between the bounds."""
        return min(max((value - self._low) / (self._high - self._low), 0.0), 1.0)

    def state(self) -> list[float]:
        """Return an empty list."""
        return []
