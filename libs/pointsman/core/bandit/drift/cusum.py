"""Two-sided CUSUM of one measured value, which learns how the value behaves while nothing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

WARM_UP = 50
"""Number of values before the first test."""
WINDOW = 1000
"""Number of the last values that the statistics describe."""
SMOOTHING = 1.0 / 32.0
"""Weight of a value in the moving average whose variance shows the autocorrelation."""
LEAST_SLACK = 0.45
"""Change, in standard deviations, that is not counted as one."""
MAX_INFLATION = 20.0
"""Largest contribution of one value to `Cusum.inflation`."""
PRIOR_COUNT = 100.0
"""Number of values that the prior of inflation and skewness counts for."""
PRIOR_SKEWNESS = 1.0
_INDEPENDENT = (2.0 - SMOOTHING) / SMOOTHING
"""1/variance of the moving average of independent values."""
_LN2 = 0.6931471805599453


class CusumSettings(NamedTuple):
    """How a value is tested; calibrated by simulation (ADR 0036).

    Attributes
    ----------
    threshold: An alarm is raised above it.
    least_change: Change of the mean, in units of the value, that is not counted as one.
    least_deviation: Smallest standard deviation that is assumed.
    uncertainty: Number of standard errors of the learned mean that is added to the slack.
    max_tilt: Largest factor of `Cusum`.
    limit: Values are limited to this number of standard deviations.
    centred: Whether the mean is 0 and not learned.
    """

    threshold: float
    least_change: float
    least_deviation: float
    uncertainty: float
    max_tilt: float
    limit: float
    centred: bool = False


@dataclass(slots=True)
class Cusum:
    """Statistics of one value, and the two sums that are tested.

    A sum is ``S ← max(0, S + θ (±z − k))`` (Page: Continuous Inspection Schemes, Biometrika 41, 1954), of the
    standardised value z and the slack k. While nothing changes, the mean time until it exceeds a threshold h grows like
    exp(h) for any distribution of z, if θ solves E[exp(θ (±z − k))] = 1 (Siegmund: Sequential Analysis, 1985, section
    2.6). Here θ is the root for the first three cumulants,

        k = θ v/2 + θ² s/6,

    with the inflation v of the variance of a sum by autocorrelation, and the skewness s in the direction of the test,
    both learned. Rare failures or prompts in runs make θ smaller, so the same evidence counts for less.

    Attributes
    ----------
    count: Number of values since the last alarm.
    mean, variance: Of the values.
    smoothed: Moving average of z.
    inflation: v, the variance of `smoothed` in units of that of independent values.
    third: Mean of z³.
    total: Sum of the measured amounts since the last alarm.
    low, high: The sums for a decrease and an increase.
    low_since_ms, high_since_ms: When each was 0 last, in Unix milliseconds; 0 while it is.
    """

    count: float = 0.0
    mean: float = 0.0
    variance: float = 0.0
    smoothed: float = 0.0
    inflation: float = 1.0
    third: float = 0.0
    total: float = 0.0
    low: float = 0.0
    high: float = 0.0
    low_since_ms: float = 0.0
    high_since_ms: float = 0.0

    def state(self) -> tuple[float, ...]:
        """Return the values to store: those of the constructor."""
        return (
            *(self.count, self.mean, self.variance, self.smoothed, self.inflation, self.third, self.total),
            *(self.low, self.high, self.low_since_ms, self.high_since_ms),
        )

    def observe(self, value: float, amount: float, settings: CusumSettings, at_ms: int) -> None:
        """Test one value and learn from it."""
        count, limit, least = self.count, settings.limit, settings.least_deviation
        deviation = math.sqrt(self.variance) if self.variance > least * least else least
        residual = value - self.mean
        z = residual / deviation
        if not -limit < z < limit:
            z = limit if z > 0.0 else -limit
        if count >= WARM_UP:
            if self.low or self.high or not -LEAST_SLACK < z < LEAST_SLACK:
                self._test(z, deviation, settings, at_ms)
            residual = z * deviation
        size = count if count < WINDOW else WINDOW
        weight = 1.0 / (size + PRIOR_COUNT)
        smoothed = self.smoothed = self.smoothed + SMOOTHING * (z - self.smoothed)
        excess = smoothed * smoothed * _INDEPENDENT
        self.inflation += weight * ((excess if excess < MAX_INFLATION else MAX_INFLATION) - self.inflation)
        self.third += weight * (z * z * z - self.third)
        weight = 1.0 / (size + 1.0)
        square = residual * residual
        if not settings.centred:
            self.mean += weight * residual
            square *= 1.0 - weight
        self.variance += weight * (square - self.variance)
        self.total += amount
        self.count = count + 1.0

    def restart(self) -> None:
        """Begin both sums again."""
        self.low = self.high = self.low_since_ms = self.high_since_ms = 0.0

    def _test(self, z: float, deviation: float, settings: CusumSettings, at_ms: int) -> None:
        inflation = max(self.inflation, 1.0)
        slack = max(LEAST_SLACK, settings.least_change / deviation)
        slack += settings.uncertainty * math.sqrt(inflation / min(self.count + 1.0, WINDOW))
        prior = PRIOR_SKEWNESS * PRIOR_COUNT / (self.count + PRIOR_COUNT)
        if self.low > 0.0 or -z > slack:
            theta = min(tilt(slack, inflation, max(-self.third, 0.0) + prior), settings.max_tilt)
            self.low = max(0.0, self.low + theta * (-z - slack))
            self.low_since_ms = (self.low_since_ms or float(at_ms)) if self.low else 0.0
        if self.high > 0.0 or z > slack:
            theta = min(tilt(slack, inflation, max(self.third, 0.0) + prior), settings.max_tilt)
            self.high = max(0.0, self.high + theta * (z - slack))
            self.high_since_ms = (self.high_since_ms or float(at_ms)) if self.high else 0.0


def tilt(slack: float, variance: float, skewness: float) -> float:
    """Return the positive θ with ``slack = θ variance/2 + θ² skewness/6``; the skewness is positive."""
    half = variance / 2.0
    return (math.sqrt(half * half + 2.0 * skewness * slack / 3.0) - half) * 3.0 / skewness


def natural_log(value: float) -> float:
    """Return ln(value) to 7 digits, of a positive value.

    The standard library's differs between platforms in the last bit, and what is learned must not.
    """
    mantissa, exponent = math.frexp(value)
    s = (mantissa - 0.75) / (mantissa + 0.75)  # mantissa/0.75 = (1 + s)/(1 − s)
    q = s * s
    series = 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q / 9.0))))
    return exponent * _LN2 - 0.2876820724517809 + series  # ln 0.75
