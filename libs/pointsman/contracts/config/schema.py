"""The configuration: every setting, its type and its default. ``pointsman.toml`` has the same shape."""

from __future__ import annotations

from typing import Any

from pointsman.contracts.access.keys import StoredKey
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.config.feedback import MetricConfig
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.prices import PriceConfig
from pointsman.contracts.config.providers import ProviderConfig
from pointsman.contracts.config.scoring import ScoringConfig
from pointsman.contracts.config.section import Section
from pointsman.contracts.config.tracing import TracingConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, Mismatch, RewardSettings


class ContextConfig(Section, frozen=True, kw_only=True):
    """``[context]``.

    Attributes
    ----------
    dim : int
        d, the number of features.
    mismatch : {"reject", "pad"}
        What to do with a context of another length: refuse it, or pad with zeros or truncate.
    names : list of str, optional
        What each number of a context is, for those who look at decisions and arms; not looked at otherwise.
    """

    dim: int = 12
    mismatch: Mismatch = "reject"
    names: list[str] = []


class PolicyConfig(Section, frozen=True, kw_only=True):
    """``[policy]``, ``[tier.policy]`` and, with a name of its own, ``[[shadow]]``.

    Attributes
    ----------
    algorithm : str
        The name of one that is built in, or ``module:Class``.
    alpha : float, optional
        Shorthand for the parameter ``alpha``: how much uncertainty counts.
    epsilon : float, optional
        Shorthand for the parameter ``epsilon``: the share of decisions that are drawn uniformly.
    parameters : table
        Any other keyword argument of the algorithm.
    lambda_cost : float, optional
        λ of the reward that this policy learns from; that of ``[reward]`` when left out.
    mu_latency : float, optional
        μ, likewise.
    forgetting : float, optional
        γ: what is kept of an arm's statistics at each of its outcomes; 1, nothing is forgotten, when left out.
    sample : float, optional
        For a shadow: the share of decisions that it is run on; all when left out.
    name : str, optional
        What reports call it; the algorithm's own name when left out.
    tiers : list of str, optional
        For a shadow: the tiers it runs in; all when left out.
    """

    algorithm: str = "linucb"
    alpha: float | None = None
    epsilon: float | None = None
    parameters: dict[str, Any] = {}
    lambda_cost: float | None = None
    mu_latency: float | None = None
    forgetting: float | None = None
    sample: float | None = None
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
        return PolicySpec(
            name=name,
            algorithm=self.algorithm,
            parameters=parameters,
            lambda_cost=self.lambda_cost,
            mu_latency=self.mu_latency,
            forgetting=self.forgetting,
            sample=self.sample,
        )


class TierConfig(Section, frozen=True, kw_only=True):
    """``[[tier]]``.

    Attributes
    ----------
    name : str
        In subjects, keys and ids.
    arms : list of str
        ``provider:model``; the candidates of a request that names none.
    fallback : str, optional
        The arm that is served when no policy can choose; the first arm when left out.
    policy : table, optional
        The tier's own policy; ``[policy]`` when left out.
    reward_wait_s : float
        How long what the gateway measured of an answer waits for feedback before it counts; 0: not at all.
    """

    name: str
    arms: list[str] = []
    fallback: str | None = None
    policy: PolicyConfig | None = None
    reward_wait_s: float = 0.0


class GatewayConfig(Section, frozen=True, kw_only=True):
    """``[gateway]``.

    Attributes
    ----------
    host : str
        The address it listens on.
    port : int
        The port it listens on.
    decide_timeout_ms : int
        How long to wait for a decision replica before the fallback arm is served.
    log_timeout_ms : int
        How long to wait for NATS to accept an outcome.
    max_body_bytes : int
        Longest request body.
    read_timeout_ms : int
        How long a client may take to send a request, its body included.
    keys_file : str, optional
        The file that ``pointsman keys`` writes; a change takes effect within about a second.
    allow_anonymous : bool
        Serve everyone although other machines can reach the gateway. Of no effect once keys are configured.
    anonymous_rate_limit_per_s : float
        Requests a second of one client address, while no keys are configured; 0 is without limit.
    open_metrics : bool
        Show ``/metrics`` without a key.
    cert_file : str, optional
        PEM file of the certificate with its chain: serve HTTPS.
    key_file : str, optional
        PEM file of its private key.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    decide_timeout_ms: int = 200
    log_timeout_ms: int = 2000
    max_body_bytes: int = 64 * 1024
    read_timeout_ms: int = 10_000
    keys_file: str | None = None
    allow_anonymous: bool = False
    anonymous_rate_limit_per_s: float = 0.0
    open_metrics: bool = False
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def scheme(self) -> str:
        """``https`` with a certificate, else ``http``."""
        return "https" if self.cert_file else "http"


class DecisionConfig(Section, frozen=True, kw_only=True):
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


class RewardUpdaterConfig(Section, frozen=True, kw_only=True):
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


class ShadowEvaluatorConfig(Section, frozen=True, kw_only=True):
    """``[shadow_evaluator]``.

    Attributes
    ----------
    max_batch : int
        Most decisions in one commit.
    lease_ms : int
        How long an evaluator that says nothing keeps the others waiting.
    keep_days : int
        How long the report's hourly sums are kept.
    weight_clip : float, optional
        The largest importance weight in a report; larger ones are cut to it, and counted. No limit when left out.
    pending_decisions : int
        How many decisions back a shadow with a rule of its own still knows what it would have done.
    pick_days : int
        For how many days, at most.
    """

    max_batch: int = 500
    lease_ms: int = 3000
    keep_days: int = 90
    weight_clip: float | None = None
    pending_decisions: int = 200_000
    pick_days: int = 30


class ReportConfig(Section, frozen=True, kw_only=True):
    """``[report]``: how sure reports are, and when one is published by itself.

    Attributes
    ----------
    confidence : float
        Of every interval in a report, between 0.5 and 1.
    every : {"week", "day", "off"}
        How often a report goes to ``alerts.report.<tier>``; it is about the week or day before.
    weekday : str
        ``monday`` to ``sunday``, for ``week``.
    hour : int
        From which hour of that day on, 0 to 23, UTC.
    """

    confidence: float = 0.95
    every: str = "week"
    weekday: str = "monday"
    hour: int = 6


class RegretConfig(Section, frozen=True, kw_only=True):
    """``[regret]``: when an arm underperforms.

    Attributes
    ----------
    rule : {"confidence", "share", "off"}
        Which rule raises alerts on ``alerts.regret.<tier>``.
    margin : float
        For ``confidence``: by how many points of reward, 0 to 100, an arm must surely be worse than the best one.
    share_margin : float
        For ``share``: by which share an arm's mean reward of an hour must be below the best arm's for the hour to count
        as worse.
    share_of_samples : float
        For ``share``: more than this share of the hours must be worse.
    min_samples : int
        For ``share``: the fewest hours it takes.
    window_days : int
        How far back to look.
    check_s : float
        How often to look.
    """

    rule: str = "confidence"
    margin: float = 0.0
    share_margin: float = 0.1
    share_of_samples: float = 0.5
    min_samples: int = 5
    window_days: int = 7
    check_s: float = 60.0


class PromotionConfig(Section, frozen=True, kw_only=True):
    """``[promotion]``: when a shadow is promoted, and a promotion taken back, without a person.

    Attributes
    ----------
    automatic : bool
        Promote automatically, and take promotions back.
    automatic_rollback : bool
        Take promotions back automatically, also those made by hand; implied by ``automatic``.
    margin : float
        By how much the reward must surely be better, 0 to 100.
    quality_floor : float
        How much quality may surely not be lost, -100 to 0; -100 is no floor.
    cost_ceiling : float
        By what share of the present cost a decision may surely not become dearer; ``inf`` is no ceiling.
    min_decisions : int
        Decisions with an outcome that a promotion must rest on.
    rollback_min_decisions : int
        The same for taking one back.
    only_exploring : bool
        Promote only what gives every arm a chance, so that it can be judged once it serves.
    check_s : float
        How often to look.
    tiers : list of str, optional
        Where this applies; everywhere when left out.
    policies : list of str, optional
        The shadows that may be promoted automatically; all when left out.
    """

    automatic: bool = False
    automatic_rollback: bool = False
    margin: float = 0.0
    quality_floor: float = -1.0
    cost_ceiling: float = 0.1
    min_decisions: int = 1000
    rollback_min_decisions: int = 200
    only_exploring: bool = True
    check_s: float = 60.0
    tiers: list[str] | None = None
    policies: list[str] | None = None

    def watches(self, tier: str) -> bool:
        """Tell whether anything may happen automatically in a tier."""
        return (self.automatic or self.automatic_rollback) and (self.tiers is None or tier in self.tiers)


class ProbeConfig(Section, frozen=True, kw_only=True):
    """``[probe]``: where the services other than the gateway answer /healthz, /readyz and /metrics.

    Attributes
    ----------
    host : str
        The address.
    port : int
        0 takes a free port, which is logged.
    """

    host: str = "127.0.0.1"
    port: int = 0


class LogConfig(Section, frozen=True, kw_only=True):
    """``[log]``.

    Attributes
    ----------
    level : {"debug", "info", "warning", "error"}
        The least that is logged, to stderr.
    format : {"auto", "json", "text"}
        ``auto``: text on a terminal, JSON elsewhere.
    """

    level: str = "info"
    format: str = "auto"


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    context: ContextConfig = ContextConfig()
    reward: RewardSettings = RewardSettings()
    policy: PolicyConfig = PolicyConfig()
    tier: list[TierConfig] = []
    shadow: list[PolicyConfig] = []
    cost_usd: dict[str, float] = {}
    nats: NatsConfig = NatsConfig()
    redis: RedisConfig = RedisConfig()
    gateway: GatewayConfig = GatewayConfig()
    llm: LlmConfig = LlmConfig()
    provider: list[ProviderConfig] = []
    price: list[PriceConfig] = []
    scoring: ScoringConfig = ScoringConfig()
    metric: list[MetricConfig] = []
    api_key: list[StoredKey] = []
    decision: DecisionConfig = DecisionConfig()
    reward_updater: RewardUpdaterConfig = RewardUpdaterConfig()
    shadow_evaluator: ShadowEvaluatorConfig = ShadowEvaluatorConfig()
    promotion: PromotionConfig = PromotionConfig()
    report: ReportConfig = ReportConfig()
    regret: RegretConfig = RegretConfig()
    probe: ProbeConfig = ProbeConfig()
    log: LogConfig = LogConfig()
    tracing: TracingConfig = TracingConfig()

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
