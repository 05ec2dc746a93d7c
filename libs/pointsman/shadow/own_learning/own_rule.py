"""The difference between the reward rules of a shadow and the active policy: a shadow with one learns for itself."""

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import RewardSettings

RULE_FIELDS = ("lambda_cost", "mu_latency", "forgetting")
"""The fields of the rule that a policy may set; the other fields are those of each outcome."""


def is_stateful(reward: RewardSettings, spec: PolicySpec, active: PolicySpec) -> bool:
    """Return whether a shadow needs its own A and b because its rule differs from the active policy's."""
    return bool(own_rule(reward, spec, active))


def own_rule(reward: RewardSettings, spec: PolicySpec, active: PolicySpec) -> str:
    """Return the difference as text, such as ``forgetting 0.99 instead of 1``; empty if there is none."""
    own, live = spec.reward_rule(reward), active.reward_rule(reward)
    pairs = [(name, getattr(own, name), getattr(live, name)) for name in RULE_FIELDS]
    return ", ".join(f"{name} {mine:.15g} instead of {theirs:.15g}" for name, mine, theirs in pairs if mine != theirs)
