"""The shapes of the gateway's own answers: what is not already a message between the services."""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages.decision import DecisionEvent
from pointsman.contracts.messages.outcome import FeedbackRecord, Served
from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec
from pointsman.core.bandit import RewardRule
from pointsman.shadow.report.messages import Window
from pointsman_gateway.console.feature_names import FeatureView
from pointsman_gateway.console.shadow_choices import ShadowChoiceView


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
    rule : object
        The reward's weights and normaliser, as in force when it was accepted.
    served : object, optional
        What the gateway saw when it called the models itself: who answered in the end, all attempts, tokens.
    feedback : object, optional
        What was said of the answer.
    """

    sequence: int
    accepted_at_ms: int
    quality: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    reward: float | None = None
    rule: RewardRule
    served: Served | None = None
    feedback: FeedbackRecord | None = None


class RewardParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a reward was made from: ``clamp(quality − cost − latency, 0, 100)``, all in points of reward.

    Attributes
    ----------
    quality : float
        As it entered; 50 where none was told.
    cost, latency : float or None
        What was taken away: λ and μ times the normalised number times 100. None where none was told.
    cost_norm, latency_norm : float or None
        0 to 1, by the tier's ranges at that moment.
    """

    quality: float
    cost: float | None
    latency: float | None
    cost_norm: float | None
    latency_norm: float | None


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
    reward_parts : object
        What the reward was made from; absent when the reward was told as such, or its event is gone.
    features : list
        The context by name; absent where names are not known.
    shadows : list
        With ``shadows=true``: what each shadow that the tier runs now would have done.
    """

    outcome: OutcomeView | None = None
    reward: float | None = None
    outcome_status: str = "none"
    reward_parts: RewardParts | msgspec.UnsetType = msgspec.UNSET
    features: list[FeatureView] | msgspec.UnsetType = msgspec.UNSET
    shadows: list[ShadowChoiceView] | msgspec.UnsetType = msgspec.UNSET


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
    reward_parts : object
        What the reward was made from; absent when the reward was told as such, or its event is gone.
    features : list
        The context by name; absent where names are not known.
    shadows : list
        With ``shadows=true``: what each shadow that the tier runs now would have done.
    """

    outcome: OutcomeView | None = None
    reward: float | None = None
    outcome_status: str = "none"
    reward_parts: RewardParts | msgspec.UnsetType = msgspec.UNSET
    features: list[FeatureView] | msgspec.UnsetType = msgspec.UNSET
    shadows: list[ShadowChoiceView] | msgspec.UnsetType = msgspec.UNSET


class ArmRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an arm's decisions within a window.

    Attributes
    ----------
    decisions : int
        Decisions that it was chosen in.
    rewarded : int
        Those of them whose outcome has come.
    missing : int
        The others: their outcome may yet come.
    mean_reward : float or None
        0 to 1, of those that have one.
    low, high : float or None
        Its interval (normal, with the confidence that ``[report]`` sets) as a mean over requests like those that it was
        chosen for; not what it would earn on all. None below 30 outcomes.
    reward_delay_s : float or None
        Mean time from a decision to its outcome's acceptance.
    """

    decisions: int
    rewarded: int
    missing: int
    mean_reward: float | None
    low: float | None
    high: float | None
    reward_delay_s: float | None


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
    theta_width : list of float, length d
        √(A⁻¹)ᵢᵢ: how uncertain each of them still is, as ``width`` is for a score. Absent where d is above 128.
    recent : object
        What became of its decisions in the window.
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
    theta_width: list[float] | msgspec.UnsetType = msgspec.UNSET
    recent: ArmRecord
    version: int
    updated_at: str | None
    A: list[list[float]] | msgspec.UnsetType = msgspec.UNSET
    b: list[float] | msgspec.UnsetType = msgspec.UNSET


class ArmList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/arms``: each tier's own arms first, as configured, then others that it has learned about.

    Attributes
    ----------
    window : object
        What ``recent`` is about.
    features : list of str or None
        What each number of a context, and so of θ, is; None where that is not known.
    """

    arms: list[ArmView]
    window: Window
    features: list[str] | None = None


class TierPoliciesView(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of one tier.

    Attributes
    ----------
    version : int
        Rises with every change; 0 when the configured policies are not in force yet.
    changed_at_ms : int
        Unix milliseconds.
    changed_by : str
        ``configuration``, ``api`` or ``automatic``.
    active_since_ms : int
        When the active policy began to serve; a change of shadows leaves it as it is. 0 when that is not known.
    replaced : object or None
        The policy that the last promotion replaced, which a reversion puts back.
    reverted : list of str
        Policies that were promoted and taken back, by name and digest. They are not promoted automatically again.
    change : object or None
        The change that made this version.
    """

    tier: str
    version: int
    active: PolicySpec
    shadows: list[PolicySpec]
    changed_at_ms: int
    changed_by: str
    active_since_ms: int = 0
    replaced: PolicySpec | None = None
    reverted: list[str] = []
    change: PolicyChangeRecord | None = None


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies``."""

    policies: list[TierPoliciesView]


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a tier's policies.

    Attributes
    ----------
    stored_at_ms : int
        When it came into force, by the clock of NATS. Unix milliseconds.
    active : object or None
        None when this version cannot be read.
    active_since_ms : int
        When the active policy began to serve.
    changed_by : str
        ``configuration``, ``api`` or ``automatic``.
    change : object or None
        What the version came from: who, when, why, on what evidence. None in versions of an older Pointsman.
    problem : str
        Why this version cannot be read.
    """

    version: int
    stored_at_ms: int
    active: PolicySpec | None = None
    shadows: list[PolicySpec] = []
    active_since_ms: int = 0
    changed_by: str = ""
    change: PolicyChangeRecord | None = None
    problem: str = ""


class PolicyHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies/{tier}/history``.

    Attributes
    ----------
    versions : list
        The newest first. The last 64 are kept.
    """

    tier: str
    versions: list[PolicyRevision]


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
