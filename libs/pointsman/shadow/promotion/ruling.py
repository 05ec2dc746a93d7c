"""Whether to promote a shadow or to take a promotion back, from the report alone. Pure: rows in, a ruling out.

Every comparison is with the always-valid interval, so that asking once a minute is as sound as asking once. Where a
number is missing nothing is done: what is not known is no reason to change what serves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from pointsman.contracts.config.reporting import PromotionConfig
from pointsman.contracts.config.schema import Config
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.core.bandit import PolicyError, make_policy
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.report.messages import PolicyReport, ReportedEstimate
from pointsman.shadow.report.verdict import worse_lately

NO_FLOOR = -100.0
"""No difference of qualities is below this, so this floor is none."""

EXPLORES_BY_ITSELF = ("thompson", "softmax", "uniform")
"""Algorithms that give every arm a chance whatever their ε."""


class Ruling(NamedTuple):
    """What to do, and why.

    Attributes
    ----------
    action : {"promote", "rollback", "none"}
    policy : str
        Name of the shadow that the ruling is about: the one to promote, or the one to come back.
    why : str
        With the numbers that it rests on.
    """

    action: Literal["promote", "rollback", "none"]
    policy: str
    why: str


def rule(rows: Iterable[PolicyReport], replaced: str | None, settings: PromotionConfig) -> Ruling:
    """Return what to do with a tier: take the last promotion back, or promote the shadow that gains most for sure.

    Parameters
    ----------
    rows : iterable of PolicyReport
        Of the tier's shadows, over the time since its active policy began to serve.
    replaced : str or None
        Name of the shadow that served before the last promotion; None when there is nothing to take back.
    settings : PromotionConfig
    """
    rows = list(rows)
    for row in rows:
        if row.policy == replaced:
            back = rule_rollback(row, settings)
            if back.action == "rollback":
                return back
    if not settings.automatic:
        return Ruling("none", "", "promotion is not automatic")
    allowed = settings.policies
    candidates = [row for row in rows if row.policy != replaced and (allowed is None or row.policy in allowed)]
    rulings = [(rule_promotion(row, settings), row.reward_delta.always_valid.low) for row in candidates]
    fit = [(low or 0.0, ruling) for ruling, low in rulings if ruling.action == "promote"]
    if fit:
        return max(fit, key=lambda one: one[0])[1]
    return Ruling("none", "", "; ".join(f"{ruling.policy}: {ruling.why}" for ruling, _ in rulings) or "no candidate")


def rule_promotion(row: PolicyReport, settings: PromotionConfig) -> Ruling:
    """Return whether one shadow is to be promoted.

    It is when the low end of its reward difference is above the margin, that of its quality difference not below the
    floor, and the high end of its cost difference not above the ceiling; and when it has not become worse since.
    """
    obstacle = _unfit(row, settings.min_decisions)
    if obstacle:
        return Ruling("none", row.policy, obstacle)
    reward, quality, cost = row.reward_delta.always_valid, row.quality_delta.always_valid, row.cost_delta.always_valid
    if reward.low is None or not reward.low > settings.margin:
        wanted = f"the margin of {settings.margin:g}"
        return Ruling("none", row.policy, f"the reward difference ({_range(row.reward_delta)}) does not clear {wanted}")
    if lately := worse_lately(row):
        return Ruling("none", row.policy, f"the reward difference is {_range(row.reward_delta)}, but {lately}")
    why = [f"reward difference {_range(row.reward_delta)}, margin {settings.margin:g}"]
    if settings.quality_floor > NO_FLOOR:
        if quality.low is None or quality.low < settings.quality_floor:
            text = f"the quality difference ({_range(row.quality_delta)}) may be below {settings.quality_floor:g}"
            return Ruling("none", row.policy, text)
        why.append(f"quality difference {_range(row.quality_delta)}, floor {settings.quality_floor:g}")
    if math.isfinite(settings.cost_ceiling):
        ceiling = None if row.active_cost_usd is None else settings.cost_ceiling * row.active_cost_usd
        if cost.high is None or ceiling is None or cost.high > ceiling:
            text = f"the cost difference ({_dollars(row.cost_delta)}) may be above {_amount(ceiling)} a decision"
            return Ruling("none", row.policy, text)
        why.append(f"cost difference {_dollars(row.cost_delta)}, ceiling {_amount(ceiling)}")
    return Ruling("promote", row.policy, f"{'; '.join(why)}; {row.rewarded:,} decisions with an outcome")


def rule_rollback(row: PolicyReport, settings: PromotionConfig) -> Ruling:
    """Return whether the policy that serves is to give way to the one that it replaced, which `row` is about.

    It is when the replaced policy would earn more, and has not become worse since, or when the one that serves is below
    the floor on quality or above the ceiling on cost, measured from the replaced one; each with confidence.
    """
    obstacle = _unfit(row, settings.rollback_min_decisions)
    if obstacle:
        return Ruling("none", row.policy, obstacle)
    reward, quality, cost = row.reward_delta.always_valid, row.quality_delta.always_valid, row.cost_delta.always_valid
    told = f"{row.rewarded:,} decisions with an outcome"
    if reward.low is not None and reward.low > 0.0 and not worse_lately(row):
        text = f"{row.policy} would earn more than {row.active}: reward difference {_range(row.reward_delta)}; {told}"
        return Ruling("rollback", row.policy, text)
    if settings.quality_floor > NO_FLOOR and quality.low is not None and quality.low > -settings.quality_floor:
        text = f"{row.policy} has more quality than {row.active}: difference {_range(row.quality_delta)}, "
        return Ruling("rollback", row.policy, f"{text}the floor is {settings.quality_floor:g}; {told}")
    if math.isfinite(settings.cost_ceiling) and cost.high is not None and row.active_cost_usd is not None:
        before = max(row.active_cost_usd + (row.cost_delta.estimate or 0.0), 0.0)
        ceiling = settings.cost_ceiling * before
        if -cost.high > ceiling:
            text = f"{row.policy} costs less than {row.active}: difference {_dollars(row.cost_delta)}, "
            return Ruling("rollback", row.policy, f"{text}the ceiling is {_amount(ceiling)} more; {told}")
    return Ruling("none", row.policy, f"nothing is known against {row.active} ({_range(row.reward_delta)})")


def barrier(current: TierPolicies, spec: PolicySpec, config: Config) -> str:
    """Return why a shadow must not be promoted automatically, whatever the report says; empty when it may be."""
    if spec.identity in current.reverted:
        return "it was promoted before, and taken back"
    if is_stateful(config.reward, spec, current.active):
        return "it learns by a rule of its own, and what it has learned would stay behind"
    try:
        policy = make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        return str(error)
    explores = policy.exploration > 0.0 or spec.algorithm in EXPLORES_BY_ITSELF
    if config.promotion.only_exploring and not explores:
        return "it does not explore, so that nothing could be judged once it serves"
    return ""


def _unfit(row: PolicyReport, min_decisions: int) -> str:
    """Return why nothing can be concluded from a row; empty when something can."""
    if row.errors:
        return f"it raised {row.errors:,} times"
    if row.rewarded < min_decisions:
        return f"{row.rewarded:,} of {min_decisions:,} decisions with an outcome"
    if row.verdict == "cannot tell":
        return row.why or "too little overlap with what is served"
    return ""


def _range(estimate: ReportedEstimate) -> str:
    low, high = estimate.always_valid.low, estimate.always_valid.high
    return "unknown" if low is None or high is None else f"{low:+.2f} to {high:+.2f}".replace("-", "−")


def _dollars(estimate: ReportedEstimate) -> str:
    low, high = estimate.always_valid.low, estimate.always_valid.high
    if low is None or high is None:
        return "unknown"
    return " to ".join(f"{'−' if bound < 0.0 else '+'}${abs(bound):.6f}" for bound in (low, high))


def _amount(dollars: float | None) -> str:
    return "an unknown amount" if dollars is None else f"${dollars:.6f}"
