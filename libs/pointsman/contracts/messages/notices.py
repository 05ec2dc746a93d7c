"""Smaller messages between the services: arm changes, shadow results, alerts, dead letters."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.contracts.messages.codec import Message


class ArmsChanged(Message, frozen=True, kw_only=True):
    """On ``arms.<tier>``: outcomes up to ``watermark`` are in the store.

    Attributes
    ----------
    as_of_ms : int
        Every outcome accepted before this time (Unix milliseconds) is in the store.
    arms : list of str
        ``provider:model`` of those that changed; empty when only the time moved on.
    committed_at_ms : int
        When the store had it, by the updater's clock (Unix milliseconds); 0 from an updater that did not say.
    """

    tier: str
    epoch: str
    watermark: int
    as_of_ms: int
    arms: list[str] = []
    committed_at_ms: int = 0


class ShadowDecision(Message, frozen=True, kw_only=True):
    """On ``shadow.<policy>.<tier>``: what a shadow policy would have done with a decision.

    Attributes
    ----------
    active, shadow : str
        ``provider:model`` of what was served and of what the shadow drew; ``shadow`` is absent after an error.
    probabilities : list of float
        The shadow's distribution, in the order of the decision's scores.
    expected_cost_delta_usd : float, optional
        Expected cost of the shadow's distribution less that of the active policy's; absent when a cost is unknown.
    error : str, optional
        What the shadow raised.
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
    """On ``alerts.<kind>.<tier>``: something that a person should look at.

    Attributes
    ----------
    detail : object, optional
        The same for a program; what is in it goes by the kind.
    """

    kind: str
    tier: str
    text: str
    service: str
    raised_at_ms: int
    detail: dict[str, Any] | None = None


class DeadLetter(Message, frozen=True, kw_only=True):
    """On ``dead.<stream>``: a message that could not be read, kept as it was.

    Attributes
    ----------
    payload : bytes
        The message, base64 in JSON; cut at 256 KB.
    """

    stream: str
    subject: str
    sequence: int
    reason: str
    service: str
    payload: bytes
    found_at_ms: int


arms_decoder = msgspec.json.Decoder(ArmsChanged)
shadow_decoder = msgspec.json.Decoder(ShadowDecision)
alert_decoder = msgspec.json.Decoder(Alert)
dead_decoder = msgspec.json.Decoder(DeadLetter)
