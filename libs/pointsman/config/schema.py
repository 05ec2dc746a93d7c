"""The configuration: every setting, its type and its default. ``pointsman.toml`` has the same shape."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.bandit import Arm, Mismatch, RewardRule
from pointsman.messages.outcome import Rule
from pointsman.messages.policies import PolicySpec


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=None):
    """Base of the sections: frozen, and an unknown key is an error."""


class ContextConfig(_Section, frozen=True, kw_only=True):
    """``[context]``.

    Attributes
    ----------
    dim : int
        d, the number of features.
    mismatch : {"reject", "pad"}
        What to do with a context of another length: refuse it, or pad with zeros or truncate.
    """

    dim: int = 12
    mismatch: Mismatch = "reject"


class RewardConfig(_Section, frozen=True, kw_only=True):
    """``[reward]``: reward = clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100).

    Attributes
    ----------
    normalizer : {"minmax", "fixed"}
        Running range over all outcomes of the tier, or the two bounds below.
    """

    lambda_cost: float = 0.3
    mu_latency: float = 0.1
    normalizer: str = "minmax"
    cost_bounds_usd: tuple[float, float] = (0.0, 0.1)
    latency_bounds_ms: tuple[float, float] = (0.0, 10_000.0)

    def rule(self) -> Rule:
        """Return the rule as it goes into the outcome log."""
        return Rule(**{name: getattr(self, name) for name in self.__struct_fields__})


class PolicyConfig(_Section, frozen=True, kw_only=True):
    """``[policy]``, ``[tier.policy]`` and, with a name of its own, ``[[shadow]]``.

    Attributes
    ----------
    algorithm : str
    alpha, epsilon : float, optional
        Shorthand for the two commonest parameters.
    parameters : table
        Any other keyword argument of the algorithm.
    name : str, optional
        What reports call it; the algorithm's own name when left out.
    tiers : list of str, optional
        For a shadow: the tiers it runs in; all when left out.
    """

    algorithm: str = "linucb"
    alpha: float | None = None
    epsilon: float | None = None
    parameters: dict[str, Any] = {}
    name: str | None = None
    tiers: list[str] | None = None

    def spec(self) -> PolicySpec:
        """Return the policy as services exchange it."""
        parameters = dict(self.parameters)
        if self.alpha is not None:
            parameters["alpha"] = self.alpha
        if self.epsilon is not None:
            parameters["epsilon"] = self.epsilon
        name = self.name or self.algorithm.replace(":", "-").replace(".", "-").replace("/", "-")[:64]
        return PolicySpec(name=name, algorithm=self.algorithm, parameters=parameters)


class TierConfig(_Section, frozen=True, kw_only=True):
    """``[[tier]]``.

    Attributes
    ----------
    name : str
    arms : list of str
        ``provider:model``; the candidates of a request that names none.
    fallback : str, optional
        The arm that is served when no policy can choose; the first arm when left out.
    policy : table, optional
        The tier's own policy; ``[policy]`` when left out.
    """

    name: str
    arms: list[str] = []
    fallback: str | None = None
    policy: PolicyConfig | None = None


class NatsConfig(_Section, frozen=True, kw_only=True):
    """``[nats]``.

    Attributes
    ----------
    url : str
    server : str, optional
        For ``pointsman up``: the nats-server program to use instead of the one from the wheel.
    decisions_max_age_days, decisions_max_bytes
        How long, and how much of, the decision log is kept; the oldest go first.
    outcomes_max_bytes : int
        Size at which the outcome log is full. Outcomes are then refused (503), never dropped: learning needs all.
    events_max_age_days, events_max_bytes
        The same for the streams that can be made again: rewards, shadow results, alerts, dead letters.
    alarm_at : float
        Share of a log's room (0 to 1) from which on an alert is raised: before decisions are dropped early, and
        outcomes refused.
    replicas : int
        JetStream replicas; 3 in a cluster.
    """

    url: str = "nats://127.0.0.1:4222"
    server: str | None = None
    decisions_max_age_days: float = 30.0
    decisions_max_bytes: int = 8 * 1024**3
    outcomes_max_bytes: int = 4 * 1024**3
    events_max_age_days: float = 30.0
    events_max_bytes: int = 1024**3
    alarm_at: float = 0.8
    replicas: int = 1


class RedisConfig(_Section, frozen=True, kw_only=True):
    """``[redis]``.

    Attributes
    ----------
    url : str
    server : str, optional
        For ``pointsman up``: the redis-server or valkey-server program to use instead of the one from the wheel.
    timeout_ms : int
        Bound on one command.
    """

    url: str = "redis://127.0.0.1:6379/0"
    server: str | None = None
    timeout_ms: int = 2000


class GatewayConfig(_Section, frozen=True, kw_only=True):
    """``[gateway]``.

    Attributes
    ----------
    host, port
        Where it listens.
    decide_timeout_ms : int
        How long to wait for a decision replica before the fallback arm is served.
    log_timeout_ms : int
        How long to wait for NATS to accept an outcome.
    max_body_bytes : int
        Longest request body.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    decide_timeout_ms: int = 200
    log_timeout_ms: int = 2000
    max_body_bytes: int = 64 * 1024


class DecisionConfig(_Section, frozen=True, kw_only=True):
    """``[decision]``.

    Attributes
    ----------
    stale_after_ms : int
        State older than this marks decisions as stale.
    reconcile_ms : int
        How often a replica compares its state with the store, in case a notice was lost.
    log_timeout_ms : int
        How long to wait for the log to accept a decision; no answer without it.
    max_batch : int
        Most requests that are scored together.
    """

    stale_after_ms: int = 5000
    reconcile_ms: int = 1000
    log_timeout_ms: int = 150
    max_batch: int = 256


class RewardUpdaterConfig(_Section, frozen=True, kw_only=True):
    """``[reward_updater]``.

    Attributes
    ----------
    max_batch : int
        Most outcomes in one commit.
    lease_ms : int
        How long a writer that says nothing keeps the others waiting.
    """

    max_batch: int = 500
    lease_ms: int = 3000


class ShadowEvaluatorConfig(_Section, frozen=True, kw_only=True):
    """``[shadow_evaluator]``.

    Attributes
    ----------
    max_batch : int
        Most decisions in one commit.
    lease_ms : int
        How long an evaluator that says nothing keeps the others waiting.
    keep_days : int
        How long the report's hourly sums are kept.
    """

    max_batch: int = 500
    lease_ms: int = 3000
    keep_days: int = 90


class ProbeConfig(_Section, frozen=True, kw_only=True):
    """``[probe]``: where the services other than the gateway answer /healthz, /readyz and /metrics.

    Attributes
    ----------
    host : str
    port : int
        0 takes a free port, which is logged.
    """

    host: str = "127.0.0.1"
    port: int = 0


class LogConfig(_Section, frozen=True, kw_only=True):
    """``[log]``.

    Attributes
    ----------
    level : str
    format : {"auto", "json", "text"}
        ``auto``: text on a terminal, JSON elsewhere.
    """

    level: str = "info"
    format: str = "auto"


class Config(_Section, frozen=True, kw_only=True):
    """The whole configuration."""

    context: ContextConfig = ContextConfig()
    reward: RewardConfig = RewardConfig()
    policy: PolicyConfig = PolicyConfig()
    tier: list[TierConfig] = []
    shadow: list[PolicyConfig] = []
    cost_usd: dict[str, float] = {}
    nats: NatsConfig = NatsConfig()
    redis: RedisConfig = RedisConfig()
    gateway: GatewayConfig = GatewayConfig()
    decision: DecisionConfig = DecisionConfig()
    reward_updater: RewardUpdaterConfig = RewardUpdaterConfig()
    shadow_evaluator: ShadowEvaluatorConfig = ShadowEvaluatorConfig()
    probe: ProbeConfig = ProbeConfig()
    log: LogConfig = LogConfig()

    def tier_named(self, name: str) -> TierConfig | None:
        """Return the tier of that name, or None."""
        return next((tier for tier in self.tier if tier.name == name), None)

    def active(self, tier: TierConfig) -> PolicySpec:
        """Return the policy that the configuration makes live in a tier."""
        return (tier.policy or self.policy).spec()

    def shadows(self, tier: TierConfig) -> list[PolicySpec]:
        """Return the policies that the configuration runs in shadow in a tier."""
        return [shadow.spec() for shadow in self.shadow if shadow.tiers is None or tier.name in shadow.tiers]

    def prices(self) -> dict[Arm, float]:
        """Return the expected cost of a call by arm, for as long as no outcome has told one."""
        return {Arm.parse(arm): cost for arm, cost in self.cost_usd.items()}


def tier_arms(tier: TierConfig) -> tuple[Arm, ...]:
    """Return the tier's arms."""
    return tuple(Arm.parse(arm) for arm in tier.arms)


def fallback_arm(tier: TierConfig) -> Arm | None:
    """Return the arm to serve when no policy can choose; None for a tier without arms."""
    named = tier.fallback or (tier.arms[0] if tier.arms else None)
    return Arm.parse(named) if named else None


def reward_rule(rule: Rule) -> RewardRule:
    """Return the bandit's form of a rule from the outcome log."""
    return RewardRule(
        lambda_cost=rule.lambda_cost,
        mu_latency=rule.mu_latency,
        normalizer="fixed" if rule.normalizer == "fixed" else "minmax",
        cost_bounds_usd=rule.cost_bounds_usd,
        latency_bounds_ms=rule.latency_bounds_ms,
    )
