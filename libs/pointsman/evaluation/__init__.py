"""Off-policy evaluation: what a policy would have earned, from the log of another. Pure numpy; no I/O."""

from pointsman.evaluation.clipping import Clipping, clipping
from pointsman.evaluation.confidence_sequence import (
    MIN_COUNT,
    TUNED_FOR,
    asymptotic_sequence,
    decisions_needed,
)
from pointsman.evaluation.doubly_robust import difference_bound
from pointsman.evaluation.effective_sample_size import effective_sample_size
from pointsman.evaluation.empirical_bernstein_interval import empirical_bernstein_interval
from pointsman.evaluation.empirical_bernstein_sequence import empirical_bernstein_sequence
from pointsman.evaluation.estimate import Estimate, Estimator
from pointsman.evaluation.estimators import ESTIMATORS
from pointsman.evaluation.interval import Interval
from pointsman.evaluation.moments import Moments
from pointsman.evaluation.normal_interval import normal_interval
from pointsman.evaluation.predicted_variance import ArmErrors, predicted_variance, unseen_weight, weight_spread
from pointsman.evaluation.statistics import Statistics
from pointsman.evaluation.terms import TERMS, Terms, importance_weights, terms

__all__ = [
    "ESTIMATORS",
    "MIN_COUNT",
    "TERMS",
    "TUNED_FOR",
    "ArmErrors",
    "Clipping",
    "Estimate",
    "Estimator",
    "Interval",
    "Moments",
    "Statistics",
    "Terms",
    "asymptotic_sequence",
    "clipping",
    "decisions_needed",
    "difference_bound",
    "effective_sample_size",
    "empirical_bernstein_interval",
    "empirical_bernstein_sequence",
    "importance_weights",
    "normal_interval",
    "predicted_variance",
    "terms",
    "unseen_weight",
    "weight_spread",
]
