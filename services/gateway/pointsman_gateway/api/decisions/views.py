"""JSON types of ``GET /v1/decisions/{decision_id}``."""

import msgspec

from pointsman.contracts.messages.decision import DecisionEvent
from pointsman.contracts.messages.outcome import FeedbackRecord, Served
from pointsman.core.bandit import Normalizer, RewardRule
from pointsman_gateway.console.feature_names import FeatureView
from pointsman_gateway.console.shadow_choices import ShadowChoiceView


class OutcomeView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of a decision, as it was accepted.

    Attributes
    ----------
    sequence: Its sequence in the outcome log.
    accepted_at_ms: Unix milliseconds.
    quality, reward: 0 to 100, as reported.
    rule: Weights and normalizer of the reward when the outcome was accepted.
    served: What the gateway measured when it called the models itself: the arm that answered, all attempts, tokens.
    feedback: The feedback on the answer.
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
    """The parts of a reward, ``clamp(quality − cost − latency, 0, 100)``, all in points of reward.

    Attributes
    ----------
    quality: The quality that entered; 50 when none was reported.
    cost, latency: The deductions: λ and μ times the normalized number times 100. None when the number was not reported.
    cost_norm, latency_norm: 0 to 1, on the scale of the tier at that time.
    normalizer: What the scale follows from.
    cost_range_usd, latency_range_ms: That scale: what is normalised to 0 and to 1. None when the tier had none yet, and
        for outcomes that an older version learned from.
    """

    quality: float
    cost: float | None
    latency: float | None
    cost_norm: float | None
    latency_norm: float | None
    normalizer: Normalizer
    cost_range_usd: tuple[float, float] | None
    latency_range_ms: tuple[float, float] | None


class DecisionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a decision and what explains it.

    Attributes
    ----------
    outcome: The outcome that was learned from.
    reward: Its reward, 0 to 100.
    outcome_status: ``applied``; ``none`` while no outcome is applied; ``unknown`` while the store is unavailable.
    reward_parts: The parts of the reward; absent when the reward itself was reported, or its event is no longer stored.
    features: The context by name; absent where names are not known.
    shadows: With ``shadows=true``: what each current shadow of the tier would have chosen.
    """

    outcome: OutcomeView | None = None
    reward: float | None = None
    outcome_status: str = "none"
    reward_parts: RewardParts | msgspec.UnsetType = msgspec.UNSET
    features: list[FeatureView] | msgspec.UnsetType = msgspec.UNSET
    shadows: list[ShadowChoiceView] | msgspec.UnsetType = msgspec.UNSET


DecisionView = msgspec.defstruct(
    "DecisionView",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(DecisionOutcome)],
    bases=(DecisionEvent,),
    kw_only=True,
    frozen=True,
    namespace={
        "__doc__": (DecisionOutcome.__doc__ or "").replace("The outcome", "A logged decision with its outcome", 1)
    },
)
"""Type of the whole answer, for the OpenAPI document: the logged decision, followed by `DecisionOutcome`."""
