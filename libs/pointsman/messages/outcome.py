"""What came of a decision, and the reward it was given."""

from __future__ import annotations

import msgspec

from pointsman.messages.codec import Message


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


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reward's weights and normaliser, as configured when the outcome was accepted.

    It is part of the log, because what is learned must be a pure function of the log.
    """

    lambda_cost: float = 0.3
    mu_latency: float = 0.1
    normalizer: str = "minmax"
    cost_bounds_usd: tuple[float, float] = (0.0, 0.1)
    latency_bounds_ms: tuple[float, float] = (0.0, 10_000.0)


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
    rule : Rule
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
    rule: Rule = Rule()


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
