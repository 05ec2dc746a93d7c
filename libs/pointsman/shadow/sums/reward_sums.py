"""Joining rewards with what each shadow policy would have done. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy import TERMS, Moments, Statistics, Terms, terms, weight_spread
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, select
from pointsman.shadow.evaluation.draws import Keys
from pointsman.shadow.evaluation.evaluate import Hours, ShadowPolicy, add_by_arm, sums_of
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman.shadow.sums.progress import Run

MAX_WEIGHT = 1e9
"""Weights are cut here even without a clip: a propensity below 1e-9 is nobody's policy, and would drown all sums."""


class GroupOutcomes(NamedTuple):
    """What came of the decisions of a group.

    Attributes
    ----------
    reward : ndarray, shape (B,)
        0 to 1.
    quality, cost_usd : ndarray, shape (B,)
        0 to 1, and US dollars; NaN where the outcome did not tell.
    """

    reward: FloatArray
    quality: FloatArray
    cost_usd: FloatArray

    @classmethod
    def of(cls, rewards: Sequence[RewardEvent]) -> GroupOutcomes:
        """Return the outcomes that these events tell."""
        numbers = [
            (event.reward / 100.0, event.quality / 100.0 if event.quality_reported else None, event.cost_usd)
            for event in rewards
        ]
        columns = np.array(numbers, dtype=np.float64).reshape(-1, 3)  # None becomes NaN
        return cls(columns[:, 0], columns[:, 1], columns[:, 2])


class Covered(NamedTuple):
    """Which decisions count for a shadow.

    Attributes
    ----------
    stateless : ndarray
        Rows of which the logged estimates say what it would have done.
    stateful : ndarray
        Rows of which only a pick that was kept can say so.
    """

    stateless: Rows
    stateful: Rows


def covered(shadow: ShadowPolicy, runs: Sequence[Run], sequences: NDArray[np.int64], keys: Keys) -> Covered:
    """Return which decisions the shadow was run on, by what was noted when it was."""
    stateless = np.zeros(len(sequences), dtype=np.bool_)
    stateful = np.zeros(len(sequences), dtype=np.bool_)
    for run in runs:
        within = sequences > run.after
        if run.through is not None:
            within &= sequences <= run.through
        if within.any():
            within &= shadow.sampled(keys, run.sample)
            if run.stateful:
                stateful |= within
            else:
                stateless |= within
    return Covered(np.flatnonzero(stateless), np.flatnonzero(stateful))


def join_stateless(
    hours: Hours, shadow: ShadowPolicy, group: DecisionGroup, outcomes: GroupOutcomes, rows: Rows, clip: float | None
) -> None:
    """Join decisions that the logged estimates decide for the shadow. One that it cannot do was counted as an error."""
    if not len(rows):
        return
    made = shadow.distributions(select(group.estimates, rows))
    join(hours, shadow.identity, group, outcomes, rows[made.good], made.q[made.good], clip)


def join_arms(
    hours: Hours, arms: Sequence[str], group: DecisionGroup, outcomes: GroupOutcomes, clip: float | None
) -> None:
    """Join every decision with always choosing an arm, for each that is among the candidates, and with choosing any.

    What is the same for all arms is kept once, with the sums of choosing any:
    `pointsman.shadow.report.totals.of_fixed_arm` puts it together again. K arms would otherwise have K² sums.
    """
    rows = np.arange(len(group))
    any_arm = np.full(group.p.shape, 1.0 / len(group.names))
    join(hours, fields.UNIFORM_IDENTITY, group, outcomes, rows, any_arm, clip)
    _add_unsupported(hours, fields.UNIFORM_IDENTITY, group, any_arm)
    for slot, found in group.by_slot(rows):
        counts = sums_of(hours, slot.key(fields.UNIFORM_IDENTITY)).counts
        add_by_arm(counts, group.names, fields.active_mass, group.p[found].sum(axis=0))
    for arm in arms:
        if arm not in group.names:
            continue
        identity, at = fields.arm_identity(arm), group.names.index(arm)
        q = np.zeros(group.p.shape)
        q[:, at] = 1.0
        join(hours, identity, group, outcomes, rows, q, clip, by_arm=False)
        _add_unsupported(hours, identity, group, q)
        own = weight_spread(group.p[:, [at]], q[:, [at]], _cut(clip))
        for slot, found in group.by_slot(rows):
            sums_of(hours, slot.key(identity)).counts[fields.spread(arm)] += float(own[found].sum())


def _add_unsupported(hours: Hours, identity: str, group: DecisionGroup, q: FloatArray) -> None:
    for slot, found in group.by_slot(np.arange(len(group))):
        unsupported = float(q[found][group.p[found] <= 0.0].sum())
        if unsupported:
            sums_of(hours, slot.key(identity)).counts[fields.UNSUPPORTED] += unsupported


def _cut(clip: float | None) -> float:
    return MAX_WEIGHT if clip is None else min(clip, MAX_WEIGHT)


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
        The policy's distribution on each.
    clip : float, optional
        The largest importance weight; `MAX_WEIGHT` without one.
    by_arm : bool
        Whether to add the sums that are split by arm, too.
    """
    clip = _cut(clip)
    at = np.full(len(group), -1, dtype=np.intp)
    at[rows] = np.arange(len(rows))
    cost_model = group.cost_model()
    for slot, found in group.by_slot(rows):
        here, p, chosen = q[at[found]], group.p[found], group.chosen[found]
        reward = terms(p, here, chosen, outcomes.reward[found], group.model[found], clip)
        rated, told = np.isfinite(outcomes.quality[found]), np.isfinite(outcomes.cost_usd[found])
        quality = terms(
            p[rated], here[rated], chosen[rated], outcomes.quality[found][rated], group.model[found][rated], clip
        )
        cost = terms(p[told], here[told], chosen[told], outcomes.cost_usd[found][told], cost_model[found][told], clip)
        sums = sums_of(hours, slot.key(identity))
        sums.statistics += Statistics(
            Moments.of(reward.vectors),
            Moments.of(quality.vectors),
            Moments.of(cost.vectors),
            float((reward.clipped > 0.0).sum()),
            float(reward.clipped.sum()),
        )
        sums.bound = max(sums.bound, largest_weight(p, here, clip))
        if not by_arm:
            continue
        add_by_arm(sums.counts, group.names, fields.joined, _by_arm(group, chosen))
        add_by_arm(sums.counts, group.names, fields.gained, _by_arm(group, chosen, differences(reward)))
        add_by_arm(sums.counts, group.names, fields.spread, weight_spread(p, here, clip).sum(axis=0))
        add_by_arm(sums.counts, group.names, fields.rated, _by_arm(group, chosen[rated]))
        add_by_arm(sums.counts, group.names, fields.priced, _by_arm(group, chosen[told]))
        for name, made, served in (
            ("reward", reward, chosen),
            ("quality", quality, chosen[rated]),
            ("cost", cost, chosen[told]),
        ):
            squares = _by_arm(group, served, errors(made) ** 2)
            add_by_arm(sums.counts, group.names, partial(fields.square, name), squares)


def add_unjoined(hours: Hours, identity: str, hour: int, number: int) -> None:
    """Count rewards that came too late to be joined, by the hour of the reward."""
    sums: HourSums = sums_of(hours, (identity, hour))
    sums.counts[fields.UNJOINED] += number


def differences(made: Terms) -> FloatArray:
    """Return the estimated difference to the active policy, ``gq − gp + wy − wm − y + m`` of each decision."""
    _, _, wy, wm, y, m, gq, gp = made.vectors.T
    difference: FloatArray = gq - gp + wy - wm - y + m
    return difference


def errors(made: Terms) -> FloatArray:
    """Return by how much the model was off for the arm that was served, ``y − m`` of each decision."""
    error: FloatArray = made.vectors[:, TERMS.index("y")] - made.vectors[:, TERMS.index("m")]
    return error


def _by_arm(group: DecisionGroup, chosen: Rows, weights: FloatArray | None = None) -> FloatArray:
    """Return a count of decisions, or a sum over them, by the arm that served them, shape (K,)."""
    return np.bincount(chosen, weights=weights, minlength=len(group.names)).astype(np.float64)


def largest_weight(p: FloatArray, q: FloatArray, clip: float) -> float:
    """Return the largest weight that any candidate could have got that could have been served."""
    weights: NDArray[np.float64] = np.divide(q, p, out=np.zeros_like(q), where=p > 0.0)
    return min(float(weights.max(initial=0.0)), clip)
