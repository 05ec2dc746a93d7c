"""Off-policy evaluation in NumPy, without I/O: the value of a policy, estimated from the log of another one."""

from pointsman.core.off_policy.confidence_sequence import MIN_COUNT, TUNED_FOR, asymptotic_sequence, decisions_needed
from pointsman.core.off_policy.empirical_bernstein_sequence import empirical_bernstein_sequence
from pointsman.core.off_policy.estimate import Estimate, Estimator
from pointsman.core.off_policy.estimators import ESTIMATORS, difference_bound
from pointsman.core.off_policy.interval import Interval, empirical_bernstein_interval, normal_interval
from pointsman.core.off_policy.moments import Moments, effective_sample_size
from pointsman.core.off_policy.predicted_variance import ArmErrors, predicted_variance, unseen_weight, weight_spread
from pointsman.core.off_policy.statistics import Clipping, Statistics, clipping
from pointsman.core.off_policy.terms import TERMS, Terms, importance_weights, terms

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
