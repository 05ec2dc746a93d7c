"""Comparison of the active policy with baselines that need no learning: the best fixed arm, and a uniform choice."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from pointsman.contracts.messages.policies import TierPolicies
from pointsman.shadow.report.cost import arms_without_cost, silent_arms
from pointsman.shadow.report.intervals import difference
from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.report.regret import against_best, comparable
from pointsman.shadow.report.verdict import MIN_REWARDED
from pointsman.shadow.sums.hour_sums import UNIFORM_IDENTITY, HourSums, arm_identity, comparison_identity
from pointsman.shadow.sums.reward_sums import fixed_arm_sums
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.console.activity import ActivityTotalsView

BEST_FIXED_ARM = "best fixed arm"
UNIFORM = "uniform"


class BaselineView(msgspec.Struct, frozen=True, kw_only=True):
    """The active policy compared with a baseline.

    Attributes
    ----------
    policy: The baseline. ``best fixed arm``: always the arm with the highest estimated reward; ``uniform``: every
        candidate with the same probability.
    arm: The best fixed arm.
    decisions: Decisions of the active policy in the window that have an outcome; the estimates use these.
    reward_delta: Reward of the baseline minus reward of the active policy, per decision, 0 to 100. Below 0, the active
        policy is better.
    cost_delta_usd: Cost of the baseline minus cost of the active policy, per decision.
    saved_usd: Estimated savings of the active policy: the cost difference times its decisions in the window. Their
        number is estimated from its share of the outcomes.
    saved_low_usd, saved_high_usd: Confidence interval of the savings.
    """

    policy: str
    arm: str | None
    decisions: int
    reward_delta: ReportedEstimate
    cost_delta_usd: ReportedEstimate
    saved_usd: float | None
    saved_low_usd: float | None
    saved_high_usd: float | None


async def read_baselines(store: ShadowStore, active: str, arms: Sequence[str], hours: range) -> dict[str, HourSums]:
    """Return the sums of each baseline, every fixed arm by name and `UNIFORM`, over hours since the Unix epoch.

    ``active`` is the identity of the active policy.
    """
    identities = {arm: arm_identity(arm) for arm in arms} | {UNIFORM: UNIFORM_IDENTITY}
    compared = [comparison_identity(identity, active) for identity in identities.values()]
    sums = await asyncio.gather(*(store.total(identity, hours) for identity in compared))
    totals = dict(zip(identities, sums, strict=True))
    uniform = totals[UNIFORM]
    return {name: uniform if name == UNIFORM else fixed_arm_sums(name, own, uniform) for name, own in totals.items()}


async def read_shadows(store: ShadowStore, policies: TierPolicies, hours: range) -> dict[str, HourSums]:
    """Return the sums of each shadow policy by name, compared with the active policy."""
    active = policies.active.identity
    compared = [comparison_identity(spec.identity, active) for spec in policies.shadows]
    sums = await asyncio.gather(*(store.total(identity, hours) for identity in compared))
    return dict(zip((spec.name for spec in policies.shadows), sums, strict=True))


def compare_with_baselines(
    baselines: Mapping[str, HourSums], activity: ActivityTotalsView, confidence: float
) -> list[BaselineView]:
    """Return the comparisons that have enough data.

    ``baselines``: over decisions of the policy that is active now.
    ``activity``: of all decisions of the window, including those of earlier policies and of pinned conversations.
    ``confidence``: confidence of every interval. The cost interval of the best arm has a Bonferroni correction for the
    search.
    """
    arms = {name: total for name, total in baselines.items() if name != UNIFORM}
    found = []
    best = against_best(arms, confidence)
    if best is not None:
        cost = _cost_delta(arms[best.best], 1.0 - (1.0 - confidence) / len(arms))
        found.append(_view(BEST_FIXED_ARM, best.best, arms[best.best], best.delta, cost, activity))
    uniform = baselines.get(UNIFORM)
    if uniform is not None and uniform.rewarded >= MIN_REWARDED and comparable(uniform):
        reward, cost = difference(uniform, "reward", confidence), _cost_delta(uniform, confidence)
        found.append(_view(UNIFORM, None, uniform, reward, cost, activity))
    return found


def _cost_delta(total: HourSums, confidence: float) -> ReportedEstimate:
    if arms_without_cost(total) or silent_arms(total):
        return ReportedEstimate(confidence=confidence)
    return difference(total, "cost", confidence)


def _view(
    policy: str,
    arm: str | None,
    total: HourSums,
    reward: ReportedEstimate,
    cost: ReportedEstimate,
    activity: ActivityTotalsView,
) -> BaselineView:
    share = min(total.rewarded / activity.rewarded, 1.0) if activity.rewarded else 0.0
    decisions = share * activity.decisions
    saved, low, high = (
        None if per_decision is None else per_decision * decisions
        for per_decision in (cost.estimate, cost.low, cost.high)
    )
    return BaselineView(
        policy=policy,
        arm=arm,
        decisions=total.rewarded,
        reward_delta=reward,
        cost_delta_usd=cost,
        saved_usd=saved,
        saved_low_usd=low,
        saved_high_usd=high,
    )
