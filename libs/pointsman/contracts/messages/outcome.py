"""What came of a decision, and the reward it was given."""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages.codec import Message
from pointsman.core.bandit import RewardRule


class OutcomeReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/outcomes``: what was measured, or else the reward itself.

    Attributes
    ----------
    quality : float, optional
        0 to 100; 50 is assumed when only cost or latency is told.
    cost_usd, latency_ms : float, optional
        At least 0.
    reward : float, optional
        0 to 100; instead of the three above.
    """

    decision_id: str
    quality: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    reward: float | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to have a model serve a request.

    Attributes
    ----------
    status : int, optional
        The provider's HTTP status; None when it did not answer.
    error : str, optional
        What went wrong, in a word; absent when it served.
    """

    provider: str
    model: str
    status: int | None = None
    error: str | None = None
    latency_ms: float = 0.0


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the scorer looked at, and what it made of it: 0 (bad) to 1 (good)."""

    name: str
    value: float


class Served(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the gateway saw when it called the models itself; logged, and not learned from.

    Attributes
    ----------
    provider, model : str
        Who served in the end: another arm than was chosen when that one failed. Empty when nobody did.
    attempts : list of Attempt
        All tries, in order.
    first_byte_ms, total_ms : float, optional
        From the request's arrival.
    input_tokens, output_tokens, cached_tokens : int, optional
        As the provider told, or estimated.
    tokens_estimated : bool
    cost_usd : float, optional
        What the answer that was served cost; None when a price is unknown.
    finish : str, optional
        Why the answer ended, in OpenAI's words.
    response_id : str, optional
        The provider's own id of the answer.
    scores : list of Scored
        What the quality was made from.
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
    scores: list[Scored] = []


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What feedback said of an answer, when its outcome counted.

    Attributes
    ----------
    quality : float
        0 to 100. It is the outcome's quality too, unless another arm than the chosen one had answered.
    source : str
        ``quality``, ``thumbs`` or ``metric:<name>``.
    at_ms : int
        When the log accepted it; Unix milliseconds.
    """

    quality: float
    source: str
    at_ms: int


class Outcome(Message, frozen=True, kw_only=True):
    """An accepted outcome, in the log ``outcomes.<tier>``, with everything that learning from it needs.

    Attributes
    ----------
    learn : bool
        False for a degraded decision: recorded, never learned from.
    decision_sequence : int
        The decision's place in the decision log; 0 when degraded.
    context : list of float
        As the policy saw it.
    rule : RewardRule
    served : Served, optional
        What the gateway saw, when it called the models itself.
    feedback : FeedbackRecord, optional
        What was said of the answer, when it had waited for that.
    accepted_at_ms, decided_at_ms : int
        Unix milliseconds.
    """

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
    quality: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    reward: float | None = None
    rule: RewardRule = RewardRule()
    served: Served | None = None
    feedback: FeedbackRecord | None = None


class RewardEvent(Message, frozen=True, kw_only=True):
    """The reward that an outcome was given, on ``rewards.<tier>``.

    It is published before the commit that applies it, so none is ever missing; after a crash it may come again, with
    the same values. Readers skip an ``outcome_sequence`` that is not above the last one they saw for the tier.

    Attributes
    ----------
    complete_through : int
        The rewards of all outcomes of the tier up to this sequence are in the stream, before this one.
    reward : float
        0 to 100.
    quality : float
        As it entered the reward.
    quality_reported : bool
        Whether the outcome told it; otherwise a neutral one, or the reward itself, stands for it.
    cost_norm, latency_norm : float, optional
        0 to 1.
    """

    decision_id: str
    tier: str
    provider: str
    model: str
    outcome_sequence: int
    complete_through: int = 0
    reward: float
    quality: float
    quality_reported: bool = msgspec.field(default=True, name="quality_told")
    cost_usd: float | None = None
    latency_ms: float | None = None
    cost_norm: float | None = None
    latency_norm: float | None = None
    propensity: float | None = None
    accepted_at_ms: int = 0


class OutcomeAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/outcomes``: it is in the log and will count."""

    decision_id: str
    status: str = "accepted"


report_decoder = msgspec.json.Decoder(OutcomeReport)
outcome_decoder = msgspec.json.Decoder(Outcome)
reward_decoder = msgspec.json.Decoder(RewardEvent)
