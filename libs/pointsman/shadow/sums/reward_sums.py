"""Sums over decisions that have a reward: the off-policy statistics of each shadow policy and each fixed arm. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy import TERMS, Moments, Statistics, Terms, terms, weight_spread
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, select
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import (
    UNIFORM_IDENTITY,
    Hours,
    HourSums,
    Outcome,
    arm_field,
    arm_identity,
    comparison_identity,
    sums_at,
)

MAX_WEIGHT = 1e9
"""Largest importance weight even without a clip. No real policy serves an arm with a propensity below 1e-9, and one
such weight would dominate every sum."""

OUTCOMES: tuple[Outcome, ...] = ("reward", "quality", "cost")

SHARED = (fields.JOINED, fields.RATED, fields.PRICED, fields.SILENT, *(fields.square(outcome) for outcome in OUTCOMES))
"""Sums by the arm that served. They describe decisions and outcomes, and are the same for every policy."""


class GroupOutcomes(NamedTuple):
    """The outcomes of the decisions of a group.

    Attributes
    ----------
    reward: 0 to 1. Shape (B,).
    quality, cost_usd: 0 to 1, and US dollars; NaN where unknown. Shape (B,).
    """

    reward: FloatArray
    quality: FloatArray
    cost_usd: FloatArray

    @classmethod
    def from_events(cls, events: Sequence[RewardEvent]) -> GroupOutcomes:
        """Return the outcomes in these events."""
        numbers = [
            (event.reward / 100.0, event.quality / 100.0 if event.quality_reported else None, event.cost_usd)
            for event in events
        ]
        columns = np.array(numbers, dtype=np.float64).reshape(-1, 3)  # None becomes NaN
        return cls(columns[:, 0], columns[:, 1], columns[:, 2])


def join_stateless(
    hours: Hours, shadow: ShadowPolicy, group: DecisionGroup, outcomes: GroupOutcomes, rows: Rows, clip: float | None
) -> None:
    """Join decisions for which the logged estimates determine what the shadow would have done.

    Decisions that the shadow fails on were counted as errors when they were evaluated.
    """
    if len(rows):
        made = shadow.distributions(select(group.estimates, rows))
        join(hours, shadow.identity, group, outcomes, rows[made.good], made.q[made.good], clip)


def join_arms(
    hours: Hours, arms: Sequence[str], group: DecisionGroup, outcomes: GroupOutcomes, clip: float | None
) -> None:
    """Join every decision with always choosing each arm that was a candidate, and with choosing uniformly.

    The sums that are the same for all arms are stored once, with those of the uniform choice, because K arms would
    otherwise have K² sums; `fixed_arm_sums` combines the two.
    """
    rows = np.arange(len(group))
    uniform = np.full(group.p.shape, 1.0 / len(group.names))
    join(hours, UNIFORM_IDENTITY, group, outcomes, rows, uniform, clip)
    _add_unsupported(hours, UNIFORM_IDENTITY, group, uniform)
    estimates = group.optimistic
    highest = estimates.max(axis=1, keepdims=True)
    first = estimates.argmax(axis=1)
    for (hour, active), found in group.by_slot(rows):
        sums = sums_at(hours, comparison_identity(UNIFORM_IDENTITY, active), hour)
        sums.add_by_arm(fields.ACTIVE, group.names, group.p[found].sum(axis=0))
        sums.add_by_arm(fields.FIRST, group.names, _by_served(group, first[found]))
        sums.add_by_arm(fields.MISSED, group.names, (highest - estimates)[found].sum(axis=0))
    for arm in arms:
        if arm not in group.names:
            continue
        identity, at = arm_identity(arm), group.names.index(arm)
        q = np.zeros(group.p.shape)
        q[:, at] = 1.0
        join(hours, identity, group, outcomes, rows, q, clip, by_arm=False)
        _add_unsupported(hours, identity, group, q)
        own = weight_spread(group.p[:, [at]], q[:, [at]], _weight_limit(clip))
        for (hour, active), found in group.by_slot(rows):
            counts = sums_at(hours, comparison_identity(identity, active), hour).counts
            counts[arm_field(fields.SPREAD, arm)] += float(own[found].sum())


def fixed_arm_sums(arm: str, own: HourSums, uniform: HourSums) -> HourSums:
    """Return all sums of always choosing an arm, from its own sums and those stored once for all arms.

    The weight of every other arm is 0, so its pₖ (wₖ − 1)² is pₖ. If the arm was a candidate of only a part of the
    decisions, these are assumed to be like all of them. ``own`` is stored under `arm_identity`, ``uniform`` under
    `UNIFORM_IDENTITY`.
    """
    counts = dict(own.counts)
    share = own.rewarded / uniform.rewarded if uniform.rewarded else 0.0
    for other, mass in uniform.by_arm(fields.ACTIVE).items():
        if other != arm:
            counts[arm_field(fields.SPREAD, other)] = mass * share
    for kind in SHARED:
        for other, number in uniform.by_arm(kind).items():
            counts[arm_field(kind, other)] = number
    return HourSums(counts, own.statistics)


def join(
    hours: Hours,
    identity: str,
    group: DecisionGroup,
    outcomes: GroupOutcomes,
    rows: Rows,
    q: FloatArray,
    clip: float | None,
    by_arm: bool = True,
) -> None:
    """Add the statistics of decisions and their outcomes to the sums of the decisions' hours.

    Parameters
    ----------
    rows : ndarray, shape (n,)
        Decisions of the group.
    q : ndarray, shape (n, K)
        The policy's distribution for each of them.
    clip : float, optional
        The largest importance weight; `MAX_WEIGHT` if it is None.
    by_arm : bool
        Whether to add the sums by arm too.
    """
    limit = _weight_limit(clip)
    at = np.full(len(group), -1, dtype=np.intp)
    at[rows] = np.arange(len(rows))
    predictions: dict[Outcome, FloatArray] = {"reward": group.model, "quality": group.model, "cost": group.cost_model()}
    for (hour, active), found in group.by_slot(rows):
        here, p, chosen = q[at[found]], group.p[found], group.chosen[found]
        made: dict[Outcome, Terms] = {}
        served: dict[Outcome, Rows] = {}
        for outcome, column in zip(OUTCOMES, outcomes, strict=True):
            y = column[found]
            known = np.isfinite(y)
            model = predictions[outcome][found][known]
            made[outcome] = terms(p[known], here[known], chosen[known], y[known], model, limit)
            served[outcome] = chosen[known]
        clipped = made["reward"].clipped
        moments = {outcome: Moments.from_vectors(its_terms.vectors) for outcome, its_terms in made.items()}
        sums = sums_at(hours, comparison_identity(identity, active), hour)
        sums.statistics += Statistics(
            **moments, clipped=float((clipped > 0.0).sum()), clipped_mass=float(clipped.sum())
        )
        sums.bound = max(sums.bound, largest_weight(p, here, limit))
        if not by_arm:
            continue
        names = group.names
        sums.add_by_arm(fields.JOINED, names, _by_served(group, chosen))
        sums.add_by_arm(fields.GAINED, names, _by_served(group, chosen, differences(made["reward"])))
        sums.add_by_arm(fields.SPREAD, names, weight_spread(p, here, limit).sum(axis=0))
        sums.add_by_arm(fields.RATED, names, _by_served(group, served["quality"]))
        sums.add_by_arm(fields.PRICED, names, _by_served(group, served["cost"]))
        priced = found[np.isfinite(outcomes.cost_usd[found])]
        sums.add_by_arm(fields.SILENT, names, group.silent[priced].sum(axis=0))
        for outcome, its_terms in made.items():
            squares = _by_served(group, served[outcome], errors(its_terms) ** 2)
            sums.add_by_arm(fields.square(outcome), names, squares)


def differences(made: Terms) -> FloatArray:
    """Return the estimated difference to the active policy, ``gq − gp + wy − wm − y + m``, of each decision."""
    _, _, wy, wm, y, m, gq, gp = made.vectors.T
    difference: FloatArray = gq - gp + wy - wm - y + m
    return difference


def errors(made: Terms) -> FloatArray:
    """Return the error of the prediction for the arm that was served, ``y − m``, of each decision."""
    error: FloatArray = made.vectors[:, TERMS.index("y")] - made.vectors[:, TERMS.index("m")]
    return error


def largest_weight(p: FloatArray, q: FloatArray, limit: float) -> float:
    """Return the largest weight of any candidate that could have been served."""
    weights: NDArray[np.float64] = np.divide(q, p, out=np.zeros_like(q), where=p > 0.0)
    return min(float(weights.max(initial=0.0)), limit)


def _by_served(group: DecisionGroup, served: Rows, weights: FloatArray | None = None) -> FloatArray:
    """Return the number of decisions, or the sum of their weights, by the arm that served them, shape (K,)."""
    return np.bincount(served, weights=weights, minlength=len(group.names)).astype(np.float64)


def _add_unsupported(hours: Hours, identity: str, group: DecisionGroup, q: FloatArray) -> None:
    for (hour, active), found in group.by_slot(np.arange(len(group))):
        if unsupported := float(q[found][group.p[found] <= 0.0].sum()):
            sums_at(hours, comparison_identity(identity, active), hour).counts[fields.UNSUPPORTED] += unsupported


def _weight_limit(clip: float | None) -> float:
    return MAX_WEIGHT if clip is None else min(clip, MAX_WEIGHT)
