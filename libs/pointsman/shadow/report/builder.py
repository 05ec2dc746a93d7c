"""Reading the sums of a window from the store, and making the report of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.core.bandit import Arm
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.store.store import Store
from pointsman.shadow.own_learning.own_rule import own_rule
from pointsman.shadow.report.messages import PolicyReport, RegretReport, Report, Window
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.report.regret import regret
from pointsman.shadow.report.totals import Totals
from pointsman.shadow.sums.hour_sums import HOUR_MS, UNIFORM_IDENTITY, arm_identity, comparison_identity
from pointsman.shadow.sums.store import ShadowStore


async def build_report(
    store: Store,
    tiers: Mapping[str, TierPolicies],
    config: Config,
    window_ms: tuple[int, int],
    policy: str | None = None,
) -> Report:
    """Report on every shadow policy of some tiers, and on the regret of their active policies.

    Parameters
    ----------
    tiers : mapping of tier to TierPolicies
        What is active there now, and what runs in shadow.
    window_ms : (int, int)
        From and to, Unix milliseconds; widened to whole hours.
    policy : str, optional
        Only the shadow of this name, and no regret.

    Raises
    ------
    StoreUnavailable
    """
    hours = range(window_ms[0] // HOUR_MS, (window_ms[1] + HOUR_MS - 1) // HOUR_MS)
    policies: list[PolicyReport] = []
    regrets: list[RegretReport] = []
    confidence = config.report.confidence
    for tier, current in tiers.items():
        sums = ShadowStore(store, tier)
        active, live = current.active.name, current.active.identity
        wanted = [spec for spec in current.shadows if policy is None or spec.name == policy]
        costs = await _arm_costs(store, tier, config.prices()) if wanted else {}
        read = {spec.name: await sums.by_day(comparison_identity(spec.identity, live), hours) for spec in wanted}
        for spec in wanted:  # in a thread, because decisions must not wait for a report
            own = own_rule(config.reward, spec, current.active)
            told = (tier, spec, active, read[spec.name], costs, confidence, own)
            policies.append(await asyncio.to_thread(policy_report, *told))
        section = config.tier_named(tier)
        if policy is None and section is not None:
            of_arm = sums.read if config.regret.rule == "share" else sums.by_day  # its samples are hours
            arms = {
                str(arm): await of_arm(comparison_identity(arm_identity(str(arm)), live), hours)
                for arm in tier_arms(section)
            }
            any_arm = Totals.of(
                of_day for _, of_day in await sums.by_day(comparison_identity(UNIFORM_IDENTITY, live), hours)
            )
            shadows = {name: Totals.of(of_day for _, of_day in found) for name, found in read.items()}
            regrets.append(
                await asyncio.to_thread(regret, tier, active, shadows, arms, config.regret, confidence, any_arm)
            )
    window = Window(from_ms=hours.start * HOUR_MS, to_ms=hours.stop * HOUR_MS)
    return Report(window=window, policies=policies, regret=regrets)


async def _arm_costs(store: Store, tier: str, prices: Mapping[Arm, float]) -> dict[str, float]:
    """Return each arm's mean cost so far, or else its configured price."""
    costs = {str(arm): cost for arm, cost in prices.items()}
    for arm, state in (await TierStore(store, tier).changes()).arms.items():
        if state.mean_cost_usd is not None:
            costs[str(arm)] = state.mean_cost_usd
    return costs
