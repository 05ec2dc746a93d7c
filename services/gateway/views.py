"""The shapes of the gateway's own answers: what is not already a message between the services."""

from __future__ import annotations

import msgspec

from pointsman.messages.decision import DecisionEvent
from pointsman.messages.policies import PolicySpec


class OutcomeView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a decision, as it was accepted.

    Attributes
    ----------
    sequence : int
        Its place in the outcome log.
    accepted_at_ms : int
        Unix milliseconds.
    quality, reward : float, optional
        0 to 100, as reported.
    """

    sequence: int
    accepted_at_ms: int
    quality: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    reward: float | None = None


class DecisionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What `DecisionView` adds to the decision.

    Attributes
    ----------
    outcome : object or None
        The outcome that was learned from.
    reward : float or None
        The reward that it was given, 0 to 100.
    outcome_status : str
        ``applied``; ``none`` while no outcome is applied; ``unknown`` while the store cannot be asked.
    """

    outcome: OutcomeView | None = None
    reward: float | None = None
    outcome_status: str = "none"


class DecisionView(DecisionEvent, frozen=True, kw_only=True):
    """A decision as it is in the log, with what came of it.

    Attributes
    ----------
    outcome : object or None
        The outcome that was learned from.
    reward : float or None
        The reward that it was given, 0 to 100.
    outcome_status : str
        ``applied``; ``none`` while no outcome is applied; ``unknown`` while the store cannot be asked.
    """

    outcome: OutcomeView | None = None
    reward: float | None = None
    outcome_status: str = "none"


class ArmView(msgspec.Struct, frozen=True, kw_only=True):
    """What is learned about one arm of one tier.

    Attributes
    ----------
    n : int
        Outcomes learned from.
    mean_reward : float or None
        0 to 1; None before the first outcome.
    mean_cost_usd : float or None
        Mean of the costs that outcomes told.
    theta : list of float, length d
        θ = A⁻¹b.
    version : int
        Outcome log sequence of the last outcome learned from; 0 when there was none.
    updated_at : str or None
        When that outcome was accepted, as RFC 3339 in UTC.
    A : list of list of float, d × d
        Present with ``matrices=true``.
    b : list of float, length d
        Present with ``matrices=true``.
    """

    tier: str
    provider: str
    model: str
    n: int
    mean_reward: float | None
    mean_cost_usd: float | None
    theta: list[float]
    version: int
    updated_at: str | None
    A: list[list[float]] | msgspec.UnsetType = msgspec.UNSET
    b: list[float] | msgspec.UnsetType = msgspec.UNSET


class ArmList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/arms``: each tier's own arms first, as configured, then others that it has learned about."""

    arms: list[ArmView]


class TierPoliciesView(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of one tier.

    Attributes
    ----------
    version : int
        Rises with every change; 0 when the configured policies are not in force yet.
    changed_at_ms : int
        Unix milliseconds.
    changed_by : str
        ``configuration`` or ``api``.
    """

    tier: str
    version: int
    active: PolicySpec
    shadows: list[PolicySpec]
    changed_at_ms: int
    changed_by: str


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies``."""

    policies: list[TierPoliciesView]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``/healthz``."""

    status: str = "alive"


class ReadinessChecks(msgspec.Struct, frozen=True, kw_only=True):
    """``ok``, or else what is wrong, for everything that the gateway stands in front of."""

    nats: str
    streams: str
    store: str
    decision: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``/readyz``.

    Attributes
    ----------
    status : str
        ``ready`` or ``not ready``.
    """

    status: str
    checks: ReadinessChecks
