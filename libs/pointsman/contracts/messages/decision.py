"""Asking for a decision, the answer, and the event that the log and the topic carry."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.contracts.messages.codec import Message, encode


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm that may serve the request."""

    provider: str
    model: str


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/decisions`` and of a request to ``decide.<tier>``.

    Attributes
    ----------
    tier : str
    context : list of float, length d
        The request's features. Scale them to about 1; have a constant 1 among them as the intercept.
    candidates : list, optional
        The arms that qualify; the tier's own when left out.
    metadata : object, optional
        Kept with the decision; not looked at.
    pinned : Candidate, optional
        The arm that served this conversation before. It serves again, unless another's score exceeds its own by more
        than `switching_cost`; the policy chooses then.
    switching_cost : float
        What a change of arm costs, in units of reward (0 to 1); looked at only with `pinned`.
    """

    tier: str
    context: list[float]
    candidates: list[Candidate] | None = None
    metadata: dict[str, Any] | None = None
    pinned: Candidate | None = None
    switching_cost: float = 0.0


class CandidateScore(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy saw in one candidate.

    Attributes
    ----------
    mean, width : float
        θᵀx and √(xᵀA⁻¹x), in units of reward (0 to 1).
    ucb : float
        ``mean + α·width``, with the policy's α.
    probability : float
        The candidate's whole probability of being chosen.
    pulls : int
        Outcomes learned from.
    cost_usd : float, optional
        Expected cost of a call; None when unknown.
    """

    provider: str
    model: str
    mean: float
    width: float
    ucb: float
    probability: float
    pulls: int = 0
    cost_usd: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/decisions`` and to a request to ``decide.<tier>``.

    Attributes
    ----------
    propensity : float or None
        Probability with which this arm was chosen; None when degraded.
    explored : bool
        The arm was drawn by the uniform exploration part of the policy (it may be the best arm all the same).
    degraded : bool
        No policy chose: the tier's fallback arm was served, and an outcome for it is not learned from.
    stale : bool
        A policy chose, on state older than the configured bound.
    state_age_ms : int or None
        How old what the policy knew was: every outcome accepted before that is in it. None when no reward-updater
        has said so yet; the decision is then marked stale.
    pinned : bool
        The conversation stayed with its arm; the arm's probability was 1.
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


class Scoring(Message, frozen=True, kw_only=True):
    """Answer to a request to ``score.<tier>``, which is a `DecisionRequest`: what a decision would be drawn from.

    Nothing is drawn, and nothing is logged; the fields are `Decision`'s. What the request says of a conversation is not
    looked at.
    """

    tier: str
    policy: str
    policy_version: int
    stale: bool = False
    state_age_ms: int | None = None
    scores: list[CandidateScore]


class DecisionRecord(Message, frozen=True, kw_only=True):
    """What the log keeps of a decision beside the answer; the fields are `DecisionEvent`'s."""

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


class DecisionEvent(Message, frozen=True, kw_only=True):
    """A decision in the log (``log.decisions.<tier>``) and on the topic (``decisions.<tier>``).

    It is read with this class and written by `encode_decision`. In the log ``decision_id`` is absent, because the
    log's sequence is part of it; `with_id` puts it in.

    Attributes
    ----------
    nonce : str
        The random part of the id.
    decided_at_ms : int
        The replica's clock, in Unix milliseconds.
    algorithm, parameters
        What ``policy_version`` of ``policy`` was.
    policy_identity : str
        Its `PolicySpec.identity`: the same through versions that change only the shadows. Statistics of a shadow are
        kept by both identities, its own and this, so that they never mix two active policies.
    exploration : float
        ε of the policy: the uniform share of the distribution.
    draw : float
        The uniform number that was drawn; with it and the probabilities the choice can be made again.
    state_watermark : int
        Sequence of the last outcome behind the scores; A and b at that point of the log give the same scores.
    """

    decision_id: str = ""
    nonce: str
    decided_at_ms: int
    tier: str
    provider: str
    model: str
    policy: str
    policy_version: int
    algorithm: str
    parameters: dict[str, Any] = {}
    policy_identity: str = ""
    propensity: float
    explored: bool
    exploration: float = 0.0
    draw: float = 0.0
    stale: bool = False
    state_age_ms: int | None = None
    state_watermark: int = 0
    scores: list[CandidateScore]
    context: list[float]
    metadata: dict[str, Any] | None = None
    pinned: bool = False


class FallbackEvent(Message, frozen=True, kw_only=True):
    """On ``fallbacks.<tier>``: a degraded answer, as a gateway gave it; the fields are `Decision`'s.

    It is in no log, and whoever does not listen at that moment never hears of it.

    Attributes
    ----------
    degraded : bool
        Always true.
    reason : str
        Why no policy chose: ``nats``, ``breaker``, ``no_replica``, ``timeout``, ``replica_error``, ``refused`` or
        ``features``.
    decided_at_ms : int
        The gateway's clock, in Unix milliseconds.
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


_NO_ID = b'{"decision_id":"",'


def encode_decision(decision: Decision, record: DecisionRecord) -> tuple[bytes, bytes]:
    """Encode a decision once, for the log and for the answer.

    Parameters
    ----------
    decision : Decision
        With an empty ``decision_id``: the log has yet to give it.
    record : DecisionRecord

    Returns
    -------
    event, answer : bytes
        Both without the id; `with_id` puts it in.
    """
    answer = b"{" + encode(decision)[len(_NO_ID) :]
    return encode(record)[:-1] + b"," + answer[1:], answer


def with_id(encoded: bytes, decision_id: str) -> bytes:
    """Return an encoded event or answer with its id as first field, without decoding it."""
    return b'{"decision_id":"' + decision_id.encode() + b'",' + encoded[1:]


request_decoder = msgspec.json.Decoder(DecisionRequest)
decision_decoder = msgspec.json.Decoder(Decision)
scoring_decoder = msgspec.json.Decoder(Scoring)
event_decoder = msgspec.json.Decoder(DecisionEvent)
fallback_decoder = msgspec.json.Decoder(FallbackEvent)
