"""Estimates of the report: scaled to its units, with both intervals, and null where the data gives nothing."""

import math

from pointsman.core.off_policy import (
    ESTIMATORS,
    MIN_COUNT,
    Estimate,
    asymptotic_sequence,
    normal_interval,
    predicted_variance,
    unseen_weight,
)
from pointsman.shadow.report.messages import ReportedEstimate, ReportedInterval
from pointsman.shadow.sums.hour_sums import HourSums, Outcome

METHOD = "dr"
"""The estimator of every difference in a report."""

POINTS = 100.0
"""Rewards and qualities are 0 to 1 in the sums, 0 to 100 in the report."""

SCALES: dict[Outcome, float] = {"reward": POINTS, "quality": POINTS, "cost": 1.0}

CONFIDENCE = 0.95


def estimated(total: HourSums, outcome: Outcome, times: float = 1.0) -> Estimate:
    """Return the difference of the shadow to the active policy per decision, in the unit of the report.

    Its variance is the larger of two: the empirical one, and the one that the known weights predict
    (`pointsman.core.off_policy.predicted_variance`, for so many `times` the decisions).
    """
    moments = total.moments(outcome)
    estimate = ESTIMATORS[METHOD].difference(moments)
    largest = None if outcome == "cost" else 1.0
    variance = predicted_variance(moments, total.arm_errors(outcome), largest, times)
    return estimate.at_least(variance).scaled(SCALES[outcome])


def difference(total: HourSums, outcome: Outcome, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return the difference of the shadow to the active policy per decision, with both intervals."""
    return shown(estimated(total, outcome), confidence)


def value(total: HourSums, method: str, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return the mean reward of the shadow per decision by an estimator, with both intervals.

    As for the difference, the empirical variance is too small before heavy weights have occurred. The doubly robust
    estimators lack what their difference lacks. Those that weight the outcome itself are assumed to have a variance
    larger by the ratio of the expected squared weights to the observed ones.
    """
    moments, arms = total.statistics.reward, total.arm_errors("reward")
    estimate = ESTIMATORS[method].value(moments)
    if method in ("dr", "sndr"):
        lacking = predicted_variance(moments, arms, 1.0) - ESTIMATORS[METHOD].difference(moments).variance
        estimate = estimate.at_least(estimate.variance + lacking)
    elif method in ("ips", "snips"):
        # Squares of the plain terms; the self-normalized ones are measured from their mean, which is 0.
        mean_square = estimate.value**2 if estimate.linear else 0.0
        squares = (estimate.variance + mean_square) * unseen_weight(moments, arms)
        estimate = estimate.at_least(squares - mean_square)
    return shown(estimate.scaled(POINTS), confidence)


def shown(estimate: Estimate, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return an estimate with its two intervals.

    Below `MIN_COUNT` terms both intervals are null, because they rest on the central limit theorem.
    """
    if not math.isfinite(estimate.value):
        return ReportedEstimate(method=estimate.method, confidence=confidence)
    once = normal_interval(estimate, confidence)
    always = asymptotic_sequence(estimate, confidence)
    enough = estimate.count >= MIN_COUNT and estimate.known
    return ReportedEstimate(
        estimate=estimate.value,
        low=once.low if enough else None,
        high=once.high if enough else None,
        method=estimate.method,
        confidence=confidence,
        always_valid=ReportedInterval(
            low=always.low if enough else None, high=always.high if enough else None, method=always.method
        ),
    )


def divided(estimate: ReportedEstimate, share: float | None) -> ReportedEstimate:
    """Return an estimate and its intervals divided by a known share."""
    if not share:
        return ReportedEstimate(method=estimate.method, confidence=estimate.confidence)
    return estimate.map(lambda number: number / share)
