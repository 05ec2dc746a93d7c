"""What every interval is."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """Bounds on the truth.

    Attributes
    ----------
    low, high : float
        In the unit of the estimate; −∞ and ∞ when nothing is known.
    method : str
        How it was made.
    confidence : float
        The share of such intervals, or of such sequences of intervals, that hold the truth.
    """

    low: float
    high: float
    method: str
    confidence: float

    @property
    def half_width(self) -> float:
        """Half the distance of the bounds."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high

    def scaled(self, factor: float) -> Interval:
        """Return the interval of `factor` times the truth."""
        low, high = sorted((self.low * factor, self.high * factor))
        return self._replace(low=low, high=high)


def around(value: float, half_width: float, method: str, confidence: float) -> Interval:
    """Return value ± half_width; everything when either is unknown (NaN)."""
    if math.isnan(value) or math.isnan(half_width):
        return Interval(-math.inf, math.inf, method, confidence)
    return Interval(value - half_width, value + half_width, method, confidence)


def error_rate(confidence: float) -> float:
    """Return 1 − confidence.

    Raises
    ------
    ValueError
        If the confidence is not within 0.5 to 1, bounds excluded.
    """
    if not 0.5 < confidence < 1.0:
        msg = f"confidence must be between 0.5 and 1, not {confidence}"
        raise ValueError(msg)
    return 1.0 - confidence
