"""Intervals around an estimate, and those that are valid for one look at a fixed time."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from pointsman.core.off_policy.estimate import Estimate


class Interval(NamedTuple):
    """Bounds on the true value.

    Attributes
    ----------
    low, high: In the unit of the estimate; −∞ and ∞ when nothing is known.
    method: Name of the method.
    confidence: The share of such intervals, or of such sequences of intervals, that contain the true value.
    """

    low: float
    high: float
    method: str
    confidence: float

    @property
    def half_width(self) -> float:
        """Half the distance between the bounds."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Return whether a value is within the bounds."""
        return self.low <= value <= self.high

    def scaled(self, factor: float) -> Interval:
        """Return the interval for `factor` times the true value."""
        low, high = sorted((self.low * factor, self.high * factor))
        return self._replace(low=low, high=high)


def around(value: float, half_width: float, method: str, confidence: float) -> Interval:
    """Return value ± half_width; −∞ to ∞ when either is unknown (NaN)."""
    if math.isnan(value) or math.isnan(half_width):
        return Interval(-math.inf, math.inf, method, confidence)
    return Interval(value - half_width, value + half_width, method, confidence)


def error_rate(confidence: float) -> float:
    """Return 1 − confidence, or raise ValueError unless 0.5 < confidence < 1."""
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0.5 and 1, not {confidence}")
    return 1.0 - confidence


def require_mean(estimate: Estimate) -> None:
    """Raise ValueError for a ratio, for which bounds on plain means do not hold."""
    if not estimate.linear:
        raise ValueError(f"method {estimate.method!r} is a ratio; this bound holds for plain means only (dm, ips, dr)")


def normal_interval(estimate: Estimate, confidence: float = 0.95) -> Interval:
    """Return value ± z √(variance/n), with z the (1 + confidence)/2 quantile of the standard normal.

    The coverage is about right once the central limit theorem applies (`confidence_sequence` has the number of
    decisions that takes), and only if the time of the look does not depend on the data.
    """
    quantile = NormalDist().inv_cdf(1.0 - error_rate(confidence) / 2)
    return around(estimate.value, quantile * estimate.standard_error, "normal", confidence)


def empirical_bernstein_interval(estimate: Estimate, range: float, confidence: float = 0.95) -> Interval:
    """Return value ± √(2 s² ln(4/α)/n) + 7 r ln(4/α) / (3(n − 1)), with s² the variance with divisor n − 1.

    Valid for any number of bounded terms, at one look. Maurer, Pontil, *Empirical Bernstein bounds and sample variance
    penalization*, COLT 2009, Theorem 4, for both sides (α/2 each) and for terms in an interval of length r, not 0 to 1.

    Parameters
    ----------
    estimate : Estimate
        A plain mean of independent terms.
    range : float
        r, the length of the interval that contains every term; known beforehand, not the largest observed.
    confidence : float
        1 − α.

    Raises
    ------
    ValueError
        If the estimate is a ratio, the range is not above 0, or the confidence is not within 0.5 to 1.
    """
    alpha = error_rate(confidence)
    require_mean(estimate)
    if not range > 0:
        raise ValueError(f"range must be above 0, not {range}")
    if estimate.count < 2:
        return around(math.nan, math.nan, "empirical-bernstein", confidence)
    n = estimate.count
    logarithm = math.log(4.0 / alpha)
    variance = estimate.variance * n / (n - 1)
    half_width = math.sqrt(2.0 * variance * logarithm / n) + 7.0 * range * logarithm / (3.0 * (n - 1))
    return around(estimate.value, half_width, "empirical-bernstein", confidence)
