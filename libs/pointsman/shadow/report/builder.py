"""Building of a report: reads the sums of a window from the store."""

import asyncio
from collections.abc import Mapping

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.core.bandit import Arm
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.store.store import Store
from pointsman.shadow.own_learning.own_rule import own_rule
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.report.messages import PolicyReport, RegretReport, Report, Window
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.report.regret import regret
from pointsman.shadow.sums.hour_sums import UNIFORM_IDENTITY, add_up, arm_identity, comparison_identity
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
        The active policy and the shadows of each tier.
    window_ms : (int, int)
        Start and end, Unix milliseconds; extended to whole hours.
    policy : str, optional
        Report only on the shadow with this name, and on no regret.

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
            arguments = (tier, spec, active, read[spec.name], costs, confidence, own)
            policies.append(await asyncio.to_thread(policy_report, *arguments))
        section = config.tier_named(tier)
        if policy is None and section is not None:
            read_arm = sums.read if config.regret.rule == "share" else sums.by_day  # the samples of `share` are hours
            arms = {}
            for arm in map(str, tier_arms(section)):
                arms[arm] = await read_arm(comparison_identity(arm_identity(arm), live), hours)
            uniform = await sums.total(comparison_identity(UNIFORM_IDENTITY, live), hours)
            shadows = {name: add_up(part for _, part in days) for name, days in read.items()}
            regrets.append(
                await asyncio.to_thread(regret, tier, active, shadows, arms, config.regret, confidence, uniform)
            )
    window = Window(from_ms=hours.start * HOUR_MS, to_ms=hours.stop * HOUR_MS)
    return Report(window=window, policies=policies, regret=regrets)


async def _arm_costs(store: Store, tier: str, prices: Mapping[Arm, float]) -> dict[str, float]:
    """Return the mean cost of each arm so far, or its configured price."""
    costs = {str(arm): cost for arm, cost in prices.items()}
    for arm, state in (await TierStore(store, tier).changes()).arms.items():
        if state.mean_cost_usd is not None:
            costs[str(arm)] = state.mean_cost_usd
    return costs
