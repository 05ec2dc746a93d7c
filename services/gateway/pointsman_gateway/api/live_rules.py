"""The rule that outcomes are accepted under: the configured one, with what the tier's active policy sets for itself."""

from __future__ import annotations

from pointsman.contracts.config import Config
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.policy_check import setting_problems
from pointsman.core.bandit import RewardRule
from pointsman.runtime.telemetry.logs import logger

log = logger("gateway.rules")


class LiveRules:
    """The rule of each tier, which follows the active policy.

    Until the bucket ``policies`` has been read, it is that of the configured policy.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        self._reward = config.reward
        self._rules = {tier.name: config.active(tier).reward_rule(self._reward) for tier in config.tier}

    def of(self, tier: str) -> RewardRule:
        """Return the rule for an outcome of a configured tier that is accepted now."""
        return self._rules[tier]

    def take(self, tier: str, version: int, policies: TierPolicies) -> None:
        """Take over what a tier runs from now on; for `pointsman.runtime.bus.policies.watch_policies`.

        Settings out of range, which only somebody who writes the bucket by hand can bring about, are not taken:
        outcomes with such a rule could not be learned from.
        """
        if tier not in self._rules:
            return
        problems = setting_problems(policies.active)
        if problems:
            told = "; ".join(f"{name}: {text}" for name, text in problems.items())
            log.error("tier %s: version %d cannot be used: %s; the rule before stays", tier, version, told)
            return
        self._rules[tier] = policies.active.reward_rule(self._reward)
