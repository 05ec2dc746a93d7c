"""The normal interval: value ± z √(variance/n). For one look at a time fixed beforehand."""

from __future__ import annotations

from statistics import NormalDist

from pointsman.core.off_policy.estimate import Estimate
from pointsman.core.off_policy.interval import Interval, around, error_rate


def normal_interval(estimate: Estimate, confidence: float = 0.95) -> Interval:
    """Return value ± z √(variance/n), with z the (1 + confidence)/2 quantile of the standard normal.

    It holds the truth with about that probability once the central limit theorem does (see `confidence_sequence` for
    how many decisions that takes), and only if the time of the look was not chosen by what was seen.
    """
    quantile = NormalDist().inv_cdf(1.0 - error_rate(confidence) / 2)
    return around(estimate.value, quantile * estimate.standard_error, "normal", confidence)
