"""Tiers and their policies: ``[context]``, ``[policy]``, ``[[shadow]]`` and ``[[tier]]``."""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from pointsman.contracts.config.section import Section
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import FALLBACK
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.contracts.messages.subjects import check_name
from pointsman.core.bandit import Arm, ArmError, Mismatch, PolicyError, make_policy, static_arm
from pointsman.core.bounds import NonNegative, PositiveShare, Share
from pointsman.core.violations import Violation

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


class ContextConfig(Section, frozen=True, kw_only=True):
    """``[context]``.

    Attributes
    ----------
    dim: d, the number of features.
    mismatch: How to treat a context of another length: ``reject`` refuses it; ``pad`` appends zeros or truncates it.
    names: Names of the features for display, as many as ``dim``.
    """

    dim: Annotated[int, Meta(ge=1, le=1024)] = 12
    mismatch: Mismatch = "reject"
    names: list[str] = []

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        if self.names and len(self.names) != self.dim:
            yield Violation("names", f"expected {self.dim} names, as many as context.dim, got {len(self.names)}")


class PolicyConfig(Section, frozen=True, kw_only=True):
    """``[policy]``, ``[tier.policy]`` and ``[[shadow]]``.

    Attributes
    ----------
    algorithm: Name of a built-in algorithm, or a class as ``module:Class``.
    alpha: Short form of the parameter ``alpha``: the weight of uncertainty.
    epsilon: Short form of the parameter ``epsilon``: the share of decisions that are drawn uniformly.
    parameters: Further keyword arguments of the algorithm.
    lambda_cost: λ of the reward that this policy learns from; that of ``[reward]`` by default.
    mu_latency: μ of the reward that this policy learns from; that of ``[reward]`` by default.
    forgetting: γ: the share of an arm's statistics that is kept at each of its outcomes. The default 1 forgets nothing.
    sample: For a shadow: the share of decisions that it is evaluated on; all by default.
    name: Name in reports; the name of the algorithm by default. A shadow needs one.
    tiers: For a shadow: the tiers it is evaluated in; all by default.
    """

    unique: ClassVar[str] = "name"

    algorithm: str = "scaled-linucb"
    alpha: NonNegative | None = None
    epsilon: Share | None = None
    parameters: dict[str, Any] = {}
    lambda_cost: NonNegative | None = None
    mu_latency: NonNegative | None = None
    forgetting: PositiveShare | None = None
    sample: PositiveShare | None = None
    name: str | None = None
    tiers: list[str] | None = None

    def spec(self) -> PolicySpec:
        """Return the policy in the form that services exchange."""
        parameters = dict(self.parameters)
        if self.alpha is not None:
            parameters["alpha"] = self.alpha
        if self.epsilon is not None:
            parameters["epsilon"] = self.epsilon
        name = self.name or _NOT_IN_NAMES.sub("-", self.algorithm)[:64]
        return PolicySpec(
            name=name,
            algorithm=self.algorithm,
            parameters=parameters,
            lambda_cost=self.lambda_cost,
            mu_latency=self.mu_latency,
            forgetting=self.forgetting,
            sample=self.sample,
        )

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        spec = self.spec()
        yield from _name_problems(spec.name)
        try:
            make_policy(spec.algorithm, spec.parameters)
        except PolicyError as error:
            setting = f"parameters.{error.parameter}" if error.parameter in self.parameters else error.parameter
            yield Violation(setting or "algorithm", error.detail)


class EvidenceConfig(Section, frozen=True, kw_only=True):
    """``[tier.evidence]``: what is served so that shadows can be evaluated.

    Attributes
    ----------
    floor: Exploration that a promoted policy has at least: the share of decisions that is drawn uniformly from the
        arms. 0 for no floor.
    """

    floor: Share = 0.02


class TierConfig(Section, frozen=True, kw_only=True):
    """``[[tier]]``.

    Attributes
    ----------
    name: Name in subjects, keys and ids.
    arms: Arms as ``provider:model``: the candidates of a request that names none. A tier without this setting serves
        only requests that name candidates.
    fallback: The arm that is served when no policy can choose, one of the arms; the first arm by default.
    policy: The tier's own policy; ``[policy]`` by default.
    reward_wait_s: How long a measured outcome waits for feedback before it is learned from; 0 for no wait.
    evidence: What a promotion keeps, so that shadows can be evaluated.
    """

    unique: ClassVar[str] = "name"

    name: str
    arms: list[str] | None = None
    fallback: str | None = None
    policy: PolicyConfig | None = None
    reward_wait_s: NonNegative = 0.0
    evidence: EvidenceConfig = EvidenceConfig()

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        yield from _name_problems(self.name)
        if self.name == FALLBACK:
            yield Violation("name", f"{FALLBACK!r} is reserved: ids of degraded decisions begin with it")
        arms = self.arms or []
        if self.arms == []:
            yield Violation("arms", "expected at least one arm; omit it for a tier whose requests name candidates")
        for index, arm in enumerate(arms):
            yield from arm_problems(arm, f"arms[{index}]")
            if arm in arms[:index]:
                yield Violation(f"arms[{index}]", f"{arm!r} is listed twice")
        if self.fallback is not None:
            malformed = list(arm_problems(self.fallback, "fallback"))
            yield from malformed
            if not malformed and arms and self.fallback not in arms:
                yield Violation("fallback", f"{self.fallback!r} is not one of the tier's arms")
        if self.policy is not None and self.policy.sample is not None:
            yield Violation("policy.sample", "only a shadow can be evaluated on a sample of the decisions")


def tier_arms(tier: TierConfig) -> tuple[Arm, ...]:
    """Return the tier's arms."""
    return tuple(Arm.parse(arm) for arm in tier.arms or [])


def fallback_arm(tier: TierConfig) -> Arm | None:
    """Return the arm to serve when no policy can choose; None for a tier without arms."""
    named = tier.fallback or (tier.arms[0] if tier.arms else None)
    return Arm.parse(named) if named else None


def static_problem(algorithm: str, tier: str, arms: Collection[Arm]) -> str:
    """Return why ``static:<provider>:<model>`` cannot choose its arm in a tier with these arms; empty if it can.

    In a tier without arms of its own, the requests name the candidates.
    """
    arm = static_arm(algorithm)
    if arm is None or not arms or arm in arms:
        return ""
    return f"{arm} is not an arm of tier {tier}"


def arm_problems(arm: str, path: str) -> Iterator[Violation]:
    """Yield the problem of a text that should be an arm."""
    try:
        Arm.parse(arm)
    except ArmError as error:
        yield Violation(path, str(error))


def _name_problems(name: str) -> Iterator[Violation]:
    try:
        check_name(name, "name")
    except InvalidMessage as error:
        yield Violation(error.field, error.detail)
