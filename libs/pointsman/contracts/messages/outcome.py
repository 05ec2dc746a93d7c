"""Outcomes of decisions, and the rewards computed from them."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from pointsman.contracts.messages.codec import Message
from pointsman.contracts.messages.decision import CandidateScore
from pointsman.core.bandit import ArmEstimate, RewardRule
from pointsman.core.bounds import CostUsd, LatencyMs, NonNegative, Points


class OutcomeReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/outcomes``: the measured values, or the reward itself.

    Attributes
    ----------
    quality: 0 to 100. When only cost or latency is reported, the reward is computed with quality 50.
    cost_usd, latency_ms: At least 0.
    reward: 0 to 100; instead of the three fields above.
    """

    decision_id: str
    quality: Points | None = None
    cost_usd: CostUsd | None = None
    latency_ms: LatencyMs | None = None
    reward: Points | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to have a model serve a request.

    Attributes
    ----------
    status: The provider's HTTP status; None when there was no response.
    error: The kind of failure; absent when the attempt succeeded.
    fault: Whose fault the failure is: ``request``, ``model``, ``provider``, ``key``, ``network``, ``gateway`` or
        ``unclear``; absent when the attempt succeeded, and from older versions.
    """

    provider: str
    model: str
    status: int | None = None
    error: str | None = None
    latency_ms: float = 0.0
    fault: str | None = None


class GradePart(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion of an answer's grade, and its value: 0 (bad) to 1 (good)."""

    name: str
    value: float


class Served(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the gateway measured when it called the models itself; logged, not used for learning.

    Attributes
    ----------
    provider, model: The arm that answered. It differs from the chosen arm when that one failed; empty when no arm
        answered.
    attempts: All attempts, in order.
    first_byte_ms, total_ms: Since the request arrived.
    input_tokens, output_tokens, cached_tokens: As the provider reported, or estimated.
    tokens_estimated: Whether the token counts are estimates.
    cost_usd: Cost of the answer; None when a price is unknown.
    finish: Why the answer ended: OpenAI's ``finish_reason``.
    response_id: The provider's id of the answer.
    scores: The criteria that the answer's quality was computed from.
    """

    provider: str = ""
    model: str = ""
    attempts: list[Attempt] = []
    first_byte_ms: float | None = None
    total_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    tokens_estimated: bool = False
    cost_usd: float | None = None
    finish: str | None = None
    response_id: str | None = None
    scores: list[GradePart] = []


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The feedback that an outcome was completed with.

    Attributes
    ----------
    quality: 0 to 100. It is the outcome's quality too, unless another arm than the chosen one answered.
    source: ``quality``, ``thumbs`` or ``metric:<name>``.
    at_ms: When the log accepted the feedback; Unix milliseconds.
    """

    quality: float
    source: str
    at_ms: int


class Outcome(Message, frozen=True, kw_only=True):
    """An accepted outcome in the log ``outcomes.<tier>``, with everything that learning needs.

    Attributes
    ----------
    learn: False for an outcome that is no evidence about an arm chosen by a policy: the decision was degraded, the
        client named the arm, the request was at fault, the arm was never called or had not answered when the client
        left, or the gateway ended the answer. It is logged and not used for learning.
    decision_sequence: The decision's sequence in the decision log; 0 when degraded.
    context: The context of the decision.
    rule: The reward rule that was in force when the outcome was accepted.
    estimate: What the decision expected of the arm; absent from older versions.
    served: What the gateway measured, when it called the models itself.
    imported: For an imported outcome: the digest that identifies its file.
    feedback: The feedback on the answer, when the outcome waited for it.
    accepted_at_ms, decided_at_ms: Unix milliseconds.
    """

    version: ClassVar[int] = 2
    """2: the rule's normalizer may be ``quantile``, by which an older version cannot compute the reward."""

    decision_id: str
    tier: str
    provider: str = ""
    model: str = ""
    learn: bool = True
    decision_sequence: int = 0
    context: list[float] = []
    propensity: float | None = None
    policy: str = ""
    policy_version: int = 0
    decided_at_ms: int = 0
    accepted_at_ms: int
    quality: Points | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None
    reward: Points | None = None
    rule: RewardRule = RewardRule()
    estimate: ArmEstimate | None = None
    served: Served | None = None
    imported: str = ""
    feedback: FeedbackRecord | None = None


class RewardEvent(Message, frozen=True, kw_only=True):
    """The reward of an outcome, on ``rewards.<tier>``.

    It is published before the commit that applies it, so no reward is ever missing. After a crash it may be published
    again with the same values: readers skip an ``outcome_sequence`` that is not above the last one of the tier.

    Attributes
    ----------
    complete_through: All rewards of the tier for outcomes up to this sequence precede this one in the stream.
    reward: 0 to 100.
    quality: The quality in the reward, 0 to 100.
    quality_reported: Whether the outcome reported a quality. If not, ``quality`` is the neutral quality or the reward
        itself.
    cost_norm, latency_norm: Normalised cost and latency, 0 to 1.
    cost_range_usd, latency_range_ms: The cost and the latency that were normalised to 0 and to 1. Absent from older
        versions, where nothing was reported, and while the tier has no scale yet.
    """

    decision_id: str
    tier: str
    provider: str
    model: str
    outcome_sequence: int
    complete_through: int = 0
    reward: Points
    quality: Points
    quality_reported: bool = msgspec.field(default=True, name="quality_told")
    cost_usd: CostUsd | None = None
    latency_ms: float | None = None
    cost_norm: float | None = None
    latency_norm: float | None = None
    cost_range_usd: tuple[float, float] | None = None
    latency_range_ms: tuple[float, float] | None = None
    propensity: float | None = None
    accepted_at_ms: int = 0


class OutcomeAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/outcomes``: the outcome is in the log and will be learned from."""

    decision_id: str
    status: str = "accepted"


def estimate_of(provider: str, model: str, scores: Sequence[CandidateScore]) -> ArmEstimate | None:
    """Return what a decision expected of the arm that it chose; None from older versions."""
    for score in scores:
        if score.provider == provider and score.model == model and score.sigma is not None:
            return ArmEstimate(
                mean=score.mean, width=score.width, prior=score.prior, sigma=score.sigma, pulls=score.pulls
            )
    return None


report_decoder = msgspec.json.Decoder(OutcomeReport)
outcome_decoder = msgspec.json.Decoder(Outcome)
reward_decoder = msgspec.json.Decoder(RewardEvent)
