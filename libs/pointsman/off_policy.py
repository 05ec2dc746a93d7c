"""Public names for off-policy evaluation of a decision log: estimators, intervals, effective sample size."""

from pointsman.core.off_policy import (
    ESTIMATORS,
    Clipping,
    Estimate,
    Interval,
    Moments,
    Statistics,
    Terms,
    asymptotic_sequence,
    effective_sample_size,
    empirical_bernstein_interval,
    empirical_bernstein_sequence,
    importance_weights,
    normal_interval,
    predicted_variance,
    terms,
)

__all__ = [
    "ESTIMATORS",
    "Clipping",
    "Estimate",
    "Interval",
    "Moments",
    "Statistics",
    "Terms",
    "asymptotic_sequence",
    "effective_sample_size",
    "empirical_bernstein_interval",
    "empirical_bernstein_sequence",
    "importance_weights",
    "normal_interval",
    "predicted_variance",
    "terms",
]
