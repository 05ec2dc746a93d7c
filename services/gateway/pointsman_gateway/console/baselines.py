"""What the active policy is worth against policies that need no learning: the best fixed arm, and any arm at random."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pointsman.shadow.report.cost import silent_arms
from pointsman.shadow.report.intervals import difference
from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.report.regret import against_best, comparable
from pointsman.shadow.report.totals import Totals, of_fixed_arm
from pointsman.shadow.report.verdict import MIN_REWARDED
from pointsman.shadow.sums.hour_sums import UNIFORM_IDENTITY, arm_identity, comparison_identity
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.console.views import ActivityTotals, Against

BEST_FIXED_ARM = "best fixed arm"
UNIFORM = "uniform"


async def read_baselines(sums: ShadowStore, active: str, arms: Sequence[str], hours: range) -> dict[str, Totals]:
    """Return the sums of always choosing each arm, by arm, and of choosing any, by `UNIFORM`.

    Parameters
    ----------
    sums : ShadowStore
    active : str
        Identity of the active policy.
    """
    identities = {arm: arm_identity(arm) for arm in arms} | {UNIFORM: UNIFORM_IDENTITY}
    wanted = [comparison_identity(identity, active) for identity in identities.values()]
    read = await asyncio.gather(*(sums.total(identity, hours) for identity in wanted))
    found = {name: Totals.of([total]) for name, total in zip(identities, read, strict=True)}
    return {name: of if name == UNIFORM else of_fixed_arm(name, of, found[UNIFORM]) for name, of in found.items()}


def baselines(totals: Mapping[str, Totals], all_decisions: ActivityTotals, confidence: float) -> list[Against]:
    """Return the comparisons that enough is known for.

    Parameters
    ----------
    totals : mapping of arm, or `UNIFORM`, to Totals
        Of the policy that is active now.
    all_decisions : ActivityTotals
        Of the window: also of policies before, and of conversations that stayed with their arm. What was saved is for
        as many of them as the active policy made, going by outcomes.
    confidence : float
        Of every interval. That of the best arm allows for its having been looked for.
    """
    arms = {name: total for name, total in totals.items() if name != UNIFORM}
    found = []
    best = against_best(arms, confidence)
    if best is not None:
        level = 1.0 - (1.0 - confidence) / len(arms)
        cost = _cost(arms[best.best], level)
        found.append(_against(BEST_FIXED_ARM, best.best, arms[best.best], best.delta, cost, all_decisions))
    uniform = totals.get(UNIFORM)
    if uniform is not None and uniform.rewarded >= MIN_REWARDED and comparable(uniform):
        reward, cost = difference(uniform, "reward", confidence), _cost(uniform, confidence)
        found.append(_against(UNIFORM, None, uniform, reward, cost, all_decisions))
    return found


def _cost(total: Totals, confidence: float) -> ReportedEstimate:
    return ReportedEstimate(confidence=confidence) if silent_arms(total) else difference(total, "cost", confidence)


def _against(
    policy: str,
    arm: str | None,
    total: Totals,
    reward: ReportedEstimate,
    cost: ReportedEstimate,
    all_decisions: ActivityTotals,
) -> Against:
    share = min(total.rewarded / all_decisions.rewarded, 1.0) if all_decisions.rewarded else 0.0
    decisions = share * all_decisions.decisions

    def saved(a_decision: float | None) -> float | None:
        return None if a_decision is None else a_decision * decisions

    return Against(
        policy=policy,
        arm=arm,
        decisions=total.rewarded,
        reward_delta=reward,
        cost_delta_usd=cost,
        saved_usd=saved(cost.estimate),
        saved_low_usd=saved(cost.low),
        saved_high_usd=saved(cost.high),
    )
