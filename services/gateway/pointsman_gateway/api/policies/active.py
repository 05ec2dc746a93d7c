"""The policies that are active in each tier, and the reward rule that they set."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.core.bandit import RewardRule
from pointsman.core.violations import find_violations
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.bus.policies import configured, read_policies
from pointsman.runtime.telemetry.logs import logger

if TYPE_CHECKING:
    from pointsman_gateway.backends import Backends

log = logger("gateway.rules")


class ActiveRules:
    """The reward rule of each tier, which follows the active policy.

    Until the bucket ``policies`` has been read, it is the rule of the configured policy."""

    def __init__(self, config: Config) -> None:
        self._reward = config.reward
        self._rules = {tier.name: config.active(tier).reward_rule(self._reward) for tier in config.tier}

    def rule(self, tier: str) -> RewardRule:
        """Return the rule for an outcome of a configured tier that is accepted now."""
        return self._rules[tier]

    def update(self, tier: str, version: int, policies: TierPolicies) -> None:
        """Use the rule of a new version of the tier's policies.

        A version with settings out of range is ignored, because outcomes with such a rule could not be learned from.
        Only a manual write to the bucket can make one.
        """
        if tier not in self._rules:
            return
        rule = policies.active.reward_rule(self._reward)
        for violation in find_violations(msgspec.to_builtins(rule), RewardRule, ""):
            log.error("tier %s: policy version %d is ignored: %s; the previous rule stays", tier, version, violation)
            return
        self._rules[tier] = rule


async def read_active_policies(backends: Backends, tier: str) -> TierPolicies:
    """Return the active policies of a configured tier; without NATS the last known or else the configured ones."""
    with contextlib.suppress(BusError):
        found = await read_policies(backends.require_bus(), tier)
        if found is not None:
            backends.policies[tier] = found[1]
    return backends.policies.get(tier) or configured_policies(backends.config, tier)


async def current_policies(config: Config, bus: Bus, tier: str) -> tuple[int, TierPolicies]:
    """Return the version and the policies of a tier: version 0 and the configured ones before any are stored."""
    found = await read_policies(bus, tier)
    return found if found is not None else (0, configured_policies(config, tier))


def configured_policies(config: Config, tier: str) -> TierPolicies:
    """Return the policies that the configuration gives a tier."""
    section = config.tier_named(tier)
    assert section is not None  # callers use require_tier first
    return configured(config, section)
