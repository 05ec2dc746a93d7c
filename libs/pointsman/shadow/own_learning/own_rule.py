"""Which shadows learn for themselves: those whose reward is another one than the active policy's."""

from __future__ import annotations

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import RewardSettings

RULE_FIELDS = ("lambda_cost", "mu_latency", "forgetting")
"""What a policy may set for itself; the rest of the rule is that of each outcome."""


def is_stateful(reward: RewardSettings, spec: PolicySpec, active: PolicySpec) -> bool:
    """Tell whether a shadow needs estimates of its own, because its rule differs from the active policy's."""
    return bool(own_rule(reward, spec, active))


def own_rule(reward: RewardSettings, spec: PolicySpec, active: PolicySpec) -> str:
    """Return what differs in words, as ``forgetting 0.99 instead of 1``; empty when nothing does."""
    own, live = spec.reward_rule(reward), active.reward_rule(reward)
    pairs = [(name, getattr(own, name), getattr(live, name)) for name in RULE_FIELDS]
    return ", ".join(f"{name} {mine:.15g} instead of {theirs:.15g}" for name, mine, theirs in pairs if mine != theirs)
