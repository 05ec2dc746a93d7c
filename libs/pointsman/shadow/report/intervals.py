"""From the estimators' numbers to those of the report: scaled, with both intervals, and null where nothing is known."""

from __future__ import annotations

import math

from pointsman.core import off_policy as evaluation
from pointsman.core.off_policy import (
    ESTIMATORS,
    MIN_COUNT,
    asymptotic_sequence,
    normal_interval,
    predicted_variance,
    unseen_weight,
)
from pointsman.shadow.report.messages import ReportedEstimate, ReportedInterval
from pointsman.shadow.report.totals import Outcome, Totals

METHOD = "dr"
"""The estimator of every difference in a report."""

POINTS = 100.0
"""Rewards and qualities are 0 to 1 in the sums, 0 to 100 in the report."""

SCALES: dict[Outcome, float] = {"reward": POINTS, "quality": POINTS, "cost": 1.0}

CONFIDENCE = 0.95


def estimated(total: Totals, outcome: Outcome, times: float = 1.0) -> evaluation.Estimate:
    """Return what the shadow earns more than the active policy on one decision, in the unit of the report.

    With the larger of two variances: the one seen in the terms, and the one that the known weights lead one to expect
    (`pointsman.core.off_policy.predicted_variance`, for so many `times` the decisions).
    """
    moments = total.moments(outcome)
    estimate = ESTIMATORS[METHOD].difference(moments)
    largest = None if outcome == "cost" else 1.0
    return estimate.at_least(predicted_variance(moments, total.errors(outcome), largest, times)).scaled(SCALES[outcome])


def difference(total: Totals, outcome: Outcome, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return what the shadow earns more than the active policy on one decision, with both intervals."""
    return shown(estimated(total, outcome), confidence)


def value(total: Totals, method: str, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return the reward that one decision of the shadow earns, by an estimator, with both intervals.

    As the difference, its terms have not shown how far they scatter while heavy weights have not been met. The doubly
    robust ones lack what their difference lacks; those that weight the outcome itself are taken to scatter by as much
    more as the squared weights are larger that were to be expected.
    """
    moments, arms = total.statistics.reward, total.errors("reward")
    estimate = ESTIMATORS[method].value(moments)
    if method in ("dr", "sndr"):
        lacking = predicted_variance(moments, arms, 1.0) - ESTIMATORS[METHOD].difference(moments).variance
        estimate = estimate.at_least(estimate.variance + lacking)
    elif method in ("ips", "snips"):
        # Squares of the plain terms; the self-normalised ones are measured from their mean, which is 0.
        mean_square = estimate.value**2 if estimate.linear else 0.0
        squares = (estimate.variance + mean_square) * unseen_weight(moments, arms)
        estimate = estimate.at_least(squares - mean_square)
    return shown(estimate.scaled(POINTS), confidence)


def shown(estimate: evaluation.Estimate, confidence: float = CONFIDENCE) -> ReportedEstimate:
    """Return an estimate with its two intervals.

    Below `MIN_COUNT` terms both intervals are left out: they rest on the central limit theorem.
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
    """Return an estimate and its intervals divided by a share that is known."""
    if not share:
        return ReportedEstimate(method=estimate.method, confidence=estimate.confidence)

    def part(number: float | None) -> float | None:
        return None if number is None else number / share

    return ReportedEstimate(
        estimate=part(estimate.estimate),
        low=part(estimate.low),
        high=part(estimate.high),
        method=estimate.method,
        confidence=estimate.confidence,
        always_valid=ReportedInterval(
            low=part(estimate.always_valid.low),
            high=part(estimate.always_valid.high),
            method=estimate.always_valid.method,
        ),
    )
