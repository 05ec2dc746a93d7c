"""Notices for operators: alerts on ``alerts.<kind>.<tier>``, and dead letters on ``dead.<stream>``."""

import time
from typing import Any

import msgspec

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import Alert, DeadLetter
from pointsman.contracts.messages.policies import PolicyChangeRecord, TierPolicies
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.jetstream import Appended, StoredMessage
from pointsman.runtime.bus.requests import Headers
from pointsman.runtime.telemetry import metrics

PROMOTION = "promotion"
MAX_PAYLOAD_BYTES = 256 * 1024

_PROMOTION_TEXTS = {
    "promote": "{policy} was promoted by {by}; {replaced} continues as a shadow",
    "revert": "{policy} was restored by {by}; it had been replaced by {replaced}",
    "automatic-promote": "{policy} was promoted automatically; {replaced} continues as a shadow",
    "automatic-revert": "{policy} was restored automatically; it had been replaced by {replaced}",
}


async def publish_alert(
    bus: Bus,
    kind: str,
    tier: str,
    text: str,
    service: str,
    *,
    detail: dict[str, Any] | None = None,
    raised_at_ms: int | None = None,
    headers: Headers | None = None,
) -> Appended:
    """Append an alert to the stream of alerts, raised now by default (Unix milliseconds).

    ``headers`` are JetStream's: a message id, or the expected last sequence.
    """
    alert = Alert(
        kind=kind,
        tier=tier,
        text=text,
        service=service,
        raised_at_ms=int(time.time() * 1000) if raised_at_ms is None else raised_at_ms,
        detail=detail,
    )
    return await bus.append(subjects.alert(kind, tier), encode(alert), headers=headers)


async def publish_promotion(bus: Bus, tier: str, version: int, policies: TierPolicies, service: str) -> None:
    """Raise the alert about the change that made a version. The bucket is the record; this is the notice.

    A repetition within two minutes is dropped as a duplicate.
    """
    change = policies.change
    assert change is not None  # every promotion and reversion records its change
    await publish_alert(
        bus,
        PROMOTION,
        tier,
        describe_promotion(tier, change),
        service,
        detail={"version": version, **msgspec.to_builtins(change)},
        raised_at_ms=change.at_ms,
        headers={"Nats-Msg-Id": f"{PROMOTION}.{tier}.{version}"},
    )


def describe_promotion(tier: str, change: PolicyChangeRecord) -> str:
    """Return one sentence about a change of policy."""
    by = f"{change.by} ({change.person})" if change.person else change.by
    template = _PROMOTION_TEXTS.get(change.kind, "{policy} replaces {replaced}; changed by {by}")
    text = f"tier {tier}: {template.format(policy=change.policy, replaced=change.replaced, by=by)}"
    return f"{text}: {change.why}" if change.why else text


async def publish_dead_letter(bus: Bus, service: str, stream: str, message: StoredMessage, reason: str) -> None:
    """Append`service`` has read the message; the first `MAX_PAYLOAD_BYTES` of its data are kept."""
    letter = DeadLetter(
        stream=stream,
        subject=message.subject,
        sequence=message.sequence,
        reason=reason,
        service=service,
        payload=message.data[:MAX_PAYLOAD_BYTES],
        found_at_ms=int(time.time() * 1000),
    )
    await bus.append(subjects.dead(stream), encode(letter), headers={"Nats-Msg-Id": f"{stream}.{message.sequence}"})
    metrics.dead_letters.labels(stream).inc()
