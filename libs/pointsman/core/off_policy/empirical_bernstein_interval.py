"""The empirical Bernstein interval: holds for any number of bounded terms, at one look."""

from __future__ import annotations

import math

from pointsman.core.off_policy.estimate import Estimate
from pointsman.core.off_policy.interval import Interval, around, error_rate


def empirical_bernstein_interval(estimate: Estimate, range: float, confidence: float = 0.95) -> Interval:
    """Return value ± √(2 s² ln(4/α)/n) + 7 r ln(4/α) / (3(n − 1)), with s² the variance with divisor n − 1.

    Maurer, Pontil, *Empirical Bernstein bounds and sample variance penalization*, COLT 2009, Theorem 4, for both sides
    (α/2 each) and for terms within an interval of length r instead of 0 to 1.

    Parameters
    ----------
    estimate : Estimate
        A plain mean of independent terms.
    range : float
        r, the length of the interval that holds every term. Known beforehand, not the largest seen.
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
        msg = f"range must be above 0, not {range}"
        raise ValueError(msg)
    if estimate.count < 2:
        return around(math.nan, math.nan, "empirical-bernstein", confidence)
    n = estimate.count
    logarithm = math.log(4.0 / alpha)
    variance = estimate.variance * n / (n - 1)
    half_width = math.sqrt(2.0 * variance * logarithm / n) + 7.0 * range * logarithm / (3.0 * (n - 1))
    return around(estimate.value, half_width, "empirical-bernstein", confidence)


def require_mean(estimate: Estimate) -> None:
    """Raise ValueError for a ratio, of which these bounds say nothing."""
    if not estimate.linear:
        msg = f"method {estimate.method!r} is a ratio; this bound holds for plain means only (dm, ips, dr)"
        raise ValueError(msg)
