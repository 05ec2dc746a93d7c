"""Notices between the services: changed arms, pulls, shadow results, alerts and dead letters."""

from typing import Any

import msgspec

from pointsman.contracts.messages.codec import Message


class ArmsChanged(Message, frozen=True, kw_only=True):
    """On ``arms.<tier>``: the store contains all outcomes up to ``watermark``.

    Attributes
    ----------
    as_of_ms: The store contains every outcome that was accepted before this time; Unix milliseconds.
    arms: Changed arms as ``provider:model``; empty when only the time advanced.
    committed_at_ms: When the store committed the change, by the reward-updater's clock; Unix milliseconds. 0 from older
        versions.
    """

    tier: str
    epoch: str
    watermark: int
    as_of_ms: int
    arms: list[str] = []
    committed_at_ms: int = 0


class ArmsPulled(Message, frozen=True, kw_only=True):
    """On ``pulls.<tier>``: a decision replica has drawn arms of which little is known yet.

    The other replicas count them, so that the bound on decisions without an outcome is that of the tier.

    Attributes
    ----------
    replica: Random name of the process.
    arms: The arm of each decision, as ``provider:model``.
    """

    tier: str
    replica: str
    arms: list[str]


class ShadowDecision(Message, frozen=True, kw_only=True):
    """On ``shadow.<policy>.<tier>``: the choice that a shadow policy would have made for a decision.

    Attributes
    ----------
    active, shadow: ``provider:model`` of the served arm and of the arm that the shadow drew; ``shadow`` is absent after
        an error.
    probabilities: The distribution of the shadow, in the order of the scores of the decision.
    expected_cost_delta_usd: Expected cost under the shadow minus expected cost under the active policy; absent when a
        cost is unknown.
    error: The exception that the shadow raised.
    """

    decision_id: str
    tier: str
    policy: str
    policy_version: int
    active: str
    shadow: str | None = None
    agree: bool = False
    probabilities: list[float] = []
    expected_cost_delta_usd: float | None = None
    error: str | None = None
    decided_at_ms: int = 0


class Alert(Message, frozen=True, kw_only=True):
    """On ``alerts.<kind>.<tier>``: a condition that an operator should examine.

    Attributes
    ----------
    detail: The alert as data for programs; its fields depend on ``kind``.
    """

    kind: str
    tier: str
    text: str
    service: str
    raised_at_ms: int
    detail: dict[str, Any] | None = None


class DeadLetter(Message, frozen=True, kw_only=True):
    """On ``dead.<stream>``: a message that could not be processed, unchanged.

    Attributes
    ----------
    payload: The message, as base64 in JSON; truncated to 256 KB.
    """

    stream: str
    subject: str
    sequence: int
    reason: str
    service: str
    payload: bytes
    found_at_ms: int


arms_decoder = msgspec.json.Decoder(ArmsChanged)
pulls_decoder = msgspec.json.Decoder(ArmsPulled)
shadow_decoder = msgspec.json.Decoder(ShadowDecision)
alert_decoder = msgspec.json.Decoder(Alert)
dead_decoder = msgspec.json.Decoder(DeadLetter)
