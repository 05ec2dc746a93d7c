"""The configuration as one tree, and the rules that concern several sections."""

from collections.abc import Iterator

from pointsman.contracts.access.host_names import is_loopback
from pointsman.contracts.access.keys import StoredKey
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.outcomes import MetricConfig, PriceConfig, ScoringConfig
from pointsman.contracts.config.providers import ProviderConfig
from pointsman.contracts.config.reporting import PromotionConfig, RegretConfig, ReportConfig
from pointsman.contracts.config.section import Section
from pointsman.contracts.config.services import (
    DecisionConfig,
    GatewayConfig,
    LogConfig,
    ProbeConfig,
    RewardUpdaterConfig,
    ShadowEvaluatorConfig,
    TracingConfig,
)
from pointsman.contracts.config.tiers import (
    ContextConfig,
    PolicyConfig,
    TierConfig,
    arm_problems,
    static_problem,
    tier_arms,
)
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, RewardSettings
from pointsman.core.bounds import NonNegative
from pointsman.core.features import CHAT, CheckedExtractor, ExtractorNotUsable, make_extractor
from pointsman.core.violations import Violation


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration; ``pointsman.toml`` has the same structure."""

    context: ContextConfig = ContextConfig()
    reward: RewardSettings = RewardSettings()
    policy: PolicyConfig = PolicyConfig()
    tier: list[TierConfig] = []
    shadow: list[PolicyConfig] = []
    cost_usd: dict[str, NonNegative] = {}
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
        """Return the active policy of a tier as configured."""
        return (tier.policy or self.policy).spec()

    def shadows(self, tier: TierConfig) -> list[PolicySpec]:
        """Return the shadow policies of a tier as configured."""
        return [shadow.spec() for shadow in self.shadow if shadow.tiers is None or tier.name in shadow.tiers]

    @property
    def drain_timeout_s(self) -> float:
        """How long a gateway that stops waits for requests in progress."""
        older_ms = self.llm.finish_timeout_ms
        return self.gateway.drain_timeout_s if older_ms is None else older_ms / 1000.0

    def prices(self) -> dict[Arm, float]:
        """Return the expected cost of a request by arm, used until an outcome reports a cost."""
        return {Arm.parse(arm): cost for arm, cost in self.cost_usd.items()}

    def problems(self) -> Iterator[Violation]:
        """Yield the problems that concern several sections."""
        if not self.tier:
            yield Violation("tier", "at least one [[tier]] is required")
        yield from self._policy_problems()
        for arm in self.cost_usd:
            yield from arm_problems(arm, f"cost_usd.{arm!r}")
        longest_s = self.nats.feedback_max_age_days * 86_400.0 / 2.0
        for index, tier in enumerate(self.tier):
            if tier.reward_wait_s > longest_s:  # an outcome must not expire in the stream before it is published
                path = f"tier[{index}].reward_wait_s"
                yield Violation(path, f"expected at most half of nats.feedback_max_age_days, {longest_s:g} s")
        priced: set[tuple[str, str | None]] = set()
        for index, price in enumerate(self.price):
            if (price.provider, price.model) in priced:
                arms = f"{price.provider}:{price.model}" if price.model else price.provider
                yield Violation(f"price[{index}]", f"{arms!r} has two prices")
            priced.add((price.provider, price.model))

    def _policy_problems(self) -> Iterator[Violation]:
        if self.policy.sample is not None:
            yield Violation("policy.sample", "only a shadow can be evaluated on a sample of the decisions")
        for index, shadow in enumerate(self.shadow):
            if shadow.name is None:
                yield Violation(f"shadow[{index}].name", "required for a shadow")
            if shadow.tiers == []:
                yield Violation(f"shadow[{index}].tiers", "expected at least one tier; omit it for all tiers")

    def tier_references(self) -> Iterator[Violation]:
        """Yield the references of other sections to tiers that do not exist."""
        tiers = {tier.name for tier in self.tier}
        named = [(f"shadow[{index}].tiers", name) for index, s in enumerate(self.shadow) for name in s.tiers or []]
        named += [("promotion.tiers", name) for name in self.promotion.tiers or []]
        named += [(f"llm.auto[{index}].tier", auto.tier) for index, auto in enumerate(self.llm.auto)]
        if self.llm.default_tier is not None:
            named.append(("llm.default_tier", self.llm.default_tier))
        for path, name in named:
            if name not in tiers:
                yield Violation(path, f"there is no tier {name!r}")
        yield from self._static_problems()

    def _static_problems(self) -> Iterator[Violation]:
        """Yield the policies that always choose an arm which their tier does not have.

        A shadow that names no tiers needs one tier that has its arm.
        """
        if any(True for tier in self.tier for arm in tier.arms or [] for _ in arm_problems(arm, "")):
            return  # reported already
        arms = {tier.name: tier_arms(tier) for tier in self.tier}
        for index, tier in enumerate(self.tier):
            path = "policy" if tier.policy is None else f"tier[{index}].policy"
            if problem := static_problem(self.active(tier).algorithm, tier.name, arms[tier.name]):
                yield Violation(f"{path}.algorithm", problem)
        for index, shadow in enumerate(self.shadow):
            named = [name for name in shadow.tiers or arms if name in arms]
            problems = [static_problem(shadow.algorithm, name, arms[name]) for name in named]
            if any(problems) and (shadow.tiers or all(problems)):
                yield Violation(f"shadow[{index}].algorithm", next(filter(None, problems)))


def keys_required(config: Config) -> bool:
    """Return whether requests need an API key: when keys, or a file of keys, are configured."""
    return bool(config.api_key) or config.gateway.keys_file is not None


def exposure_problems(config: Config) -> list[str]:
    """Return why the gateway must not start: other machines can reach it without a key, and this is not allowed."""
    gateway = config.gateway
    published = gateway.published_host
    setting, host = ("host", gateway.host) if published is None else ("published_host", published)
    if keys_required(config) or gateway.allow_anonymous or is_loopback(host):
        return []
    return [
        f"gateway.{setting}: other machines can reach {host!r}, and no API key is configured. Set gateway.keys_file "
        "and create a key with `pointsman keys create`; or use 127.0.0.1; or set gateway.allow_anonymous = true to "
        "accept requests without a key"
    ]


def request_extractor(config: Config) -> CheckedExtractor:
    """Load the feature extractor for chat requests. Only the gateway needs its class or its model.

    Raises
    ------
    ConfigError
        When it cannot be loaded, or when the number of features of ``llm.features`` is not ``context.dim``.
    """
    name = config.llm.features or CHAT
    try:
        extractor = make_extractor(name, config.context.dim, config.llm.embedding_path)
    except ExtractorNotUsable as error:
        raise ConfigError([f"llm.features: {error}"]) from error
    if config.llm.features is not None and (problem := length_problem(config, extractor)):
        raise ConfigError([problem])
    return extractor


def length_problem(config: Config, extractor: CheckedExtractor) -> str:
    """Return why the extractor's contexts do not fit; empty when they fit or are padded.

    This is not an error of the configuration while ``llm.features`` is not set: it may serve ``/v1/decisions`` only.
    """
    dim = config.context.dim
    if extractor.dim == dim or config.context.mismatch == "pad":
        return ""
    return (
        f"llm.features: {extractor.name!r} returns {extractor.dim} features, but context.dim is {dim}; "
        "chat requests need equal numbers"
    )
