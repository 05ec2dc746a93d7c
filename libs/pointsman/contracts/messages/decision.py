"""Decision requests, their answers, and the decision events of the log and the topics."""

from typing import Annotated, Any

import msgspec

from pointsman.contracts.messages.codec import Message, encode
from pointsman.core.bounds import NonNegative

MAX_CANDIDATES = 256
MAX_SWITCHING_COST = 1000.0
"""Far above any difference of scores: the arm is then never changed."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm that may serve the request."""

    provider: str
    model: str


Candidates = Annotated[
    list[Candidate],
    msgspec.Meta(min_length=1, max_length=MAX_CANDIDATES, extra_json_schema={"uniqueItems": True}),
]


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/decisions`` and of a request to ``decide.<tier>``.

    Attributes
    ----------
    context: The d features of the request. Scale them to about 1, and add a constant 1 as the intercept.
    candidates: The arms to choose from; the arms of the tier by default.
    metadata: Stored with the decision; not used.
    pinned: The arm that served this conversation before. It is kept unless the score of another arm exceeds its own by
        more than `switching_cost`; then the policy chooses.
    switching_cost: Cost of a change of arm in units of reward (0 to 1); used only with `pinned`.
    """

    tier: str
    context: list[float]
    candidates: Candidates | None = None
    metadata: dict[str, Any] | None = None
    pinned: Candidate | None = None
    switching_cost: Annotated[float, msgspec.Meta(ge=0, le=MAX_SWITCHING_COST)] = 0.0


class CandidateScore(msgspec.Struct, frozen=True, kw_only=True):
    """Score of one candidate in a decision.

    Attributes
    ----------
    mean, width: θᵀx and √(xᵀA⁻¹x), in units of reward (0 to 1).
    ucb: What the policy ranks the candidates by; for LinUCB ``mean + α·width``, with the policy's α.
    probability: Probability that the policy chooses the candidate, exploration included.
    pulls: Number of outcomes learned from.
    cost_usd: Expected cost of a request; None when unknown.
    prior: Weight of the prior mean in the estimate: 1 for an arm without outcomes, and less the more is known about
        contexts like this one. The expected reward is ``mean + prior·m``, with the policy's prior mean m.
    sigma: Standard deviation of a reward of the arm around its estimate; None from older versions.
    """

    provider: str
    model: str
    mean: float
    width: float
    ucb: float
    probability: float
    pulls: int = 0
    cost_usd: float | None = None
    prior: float = 0.0
    sigma: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/decisions`` and to a request to ``decide.<tier>``.

    Attributes
    ----------
    propensity: Probability with which this arm was chosen; None when degraded.
    explored: The arm was drawn by the uniform exploration part of the policy, in which case it may still be the best
        arm; or it is not the one with the highest probability.
    degraded: No policy chose: the answer is the tier's fallback arm, and an outcome for it is not learned from.
    stale: A policy chose, on state older than the configured limit.
    state_age_ms: Age of the state that the policy used: it includes every outcome that was accepted before. None while
        no reward-updater has published it; the decision is then marked stale.
    pinned: The conversation kept its arm; the arm's probability was 1.
    held_back: Candidates that have only their share of exploration, as ``provider:model``: little is known of them, and
        as many of their decisions await an outcome as are allowed.
    """

    decision_id: str
    tier: str
    provider: str
    model: str
    policy: str | None
    policy_version: int | None
    propensity: float | None
    explored: bool
    degraded: bool
    stale: bool
    state_age_ms: int | None
    scores: list[CandidateScore]
    pinned: bool = False
    held_back: list[str] = []


class RewardWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of the normalised cost and latency in a reward: λ and μ."""

    lambda_cost: float
    mu_latency: float


class ScoreRequest(DecisionRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Request to ``score.<tier>``. Of a `DecisionRequest`, `metadata` and `pinned` are ignored.

    Attributes
    ----------
    context: As in a decision; empty with `average`.
    average: Score the mean context of the outcomes that the tier has learned from.
    lambda_cost, mu_latency: Score as if every outcome had been learned from with these weights; those in force where
        one is omitted.
    """

    average: bool = False
    lambda_cost: NonNegative | None = None
    mu_latency: NonNegative | None = None


class CandidateScores(Message, frozen=True, kw_only=True):
    """Answer to a request to ``score.<tier>``: the distribution that a decision would be drawn from.

    Nothing is drawn and nothing is logged. The other fields are those of `Decision`.

    Attributes
    ----------
    context: The context that was scored, if it was the average one.
    weights: Weights of the rewards that the scores follow from; None before the first outcome.
    """

    tier: str
    policy: str
    policy_version: int
    stale: bool = False
    state_age_ms: int | None = None
    scores: list[CandidateScore]
    held_back: list[str] = []
    context: list[float] = []
    weights: RewardWeights | None = None


class DecisionRecord(Message, frozen=True, kw_only=True):
    """The fields that the log holds in addition to the answer; described in `DecisionEvent`."""

    nonce: str
    decided_at_ms: int
    algorithm: str
    parameters: dict[str, Any] = {}
    policy_identity: str = ""
    exploration: float = 0.0
    draw: float = 0.0
    state_watermark: int = 0
    context: list[float]
    metadata: dict[str, Any] | None = None


class DecisionEvent(DecisionRecord, frozen=True, kw_only=True):
    """A decision in the log (``log.decisions.<tier>``) and on the topic (``decisions.<tier>``).

    `encode_decision` writes it. In the log ``decision_id`` is absent, because the log's sequence is part of the id;
    `with_id` adds it.

    Attributes
    ----------
    nonce: The random part of the id.
    decided_at_ms: Clock of the decision replica, in Unix milliseconds.
    algorithm, parameters: Algorithm and parameters of this ``policy_version`` of ``policy``.
    policy_identity: The policy's `PolicySpec.identity`, which stays the same when only the shadows change. Statistics
        of a shadow are kept by its own identity and this one, so that they never mix two active policies.
    exploration: ε of the policy: the uniform share of the distribution.
    draw: The uniform random number of the draw; together with the probabilities it reproduces the choice.
    state_watermark: Sequence of the last outcome in the state that was scored: A and b at that sequence give the same
        scores.
    """

    decision_id: str = ""
    tier: str
    provider: str
    model: str
    policy: str
    policy_version: int
    propensity: float
    explored: bool
    stale: bool = False
    state_age_ms: int | None = None
    scores: list[CandidateScore]
    pinned: bool = False
    held_back: list[str] = []


class FallbackEvent(Message, frozen=True, kw_only=True):
    """A degraded answer of a gateway, on ``fallbacks.<tier>``; the other fields are those of `Decision`.

    It is not logged: only current subscribers receive it.

    Attributes
    ----------
    degraded: Always true.
    reason: Why no policy chose: ``nats``, ``breaker``, ``no_replica``, ``timeout``, ``replica_error``, ``refused`` or
        ``features``.
    decided_at_ms: Clock of the gateway, in Unix milliseconds.
    """

    decision_id: str
    decided_at_ms: int
    tier: str
    provider: str
    model: str
    reason: str
    degraded: bool
    policy: str | None
    policy_version: int | None
    propensity: float | None
    explored: bool
    stale: bool
    state_age_ms: int | None
    scores: list[CandidateScore]
    pinned: bool = False
    held_back: list[str] = []


_NO_ID = b'{"decision_id":"",'


def encode_decision(decision: Decision, record: DecisionRecord) -> tuple[bytes, bytes]:
    """Encode a decision once, for the log and for the answer.

    Parameters
    ----------
    decision : Decision
        With an empty ``decision_id``, which is known only after the append to the log.

    Returns
    -------
    event, answer : bytes
        Both without the id; `with_id` adds it.
    """
    answer = b"{" + encode(decision)[len(_NO_ID) :]
    return encode(record)[:-1] + b"," + answer[1:], answer


def with_id(encoded: bytes, decision_id: str) -> bytes:
    """Return an encoded event or answer with its id added as the first field, without decoding it."""
    return b'{"decision_id":"' + decision_id.encode() + b'",' + encoded[1:]


score_request_decoder = msgspec.json.Decoder(ScoreRequest)
request_decoder = msgspec.json.Decoder(DecisionRequest)
decision_decoder = msgspec.json.Decoder(Decision)
candidate_scores_decoder = msgspec.json.Decoder(CandidateScores)
event_decoder = msgspec.json.Decoder(DecisionEvent)
fallback_decoder = msgspec.json.Decoder(FallbackEvent)
