"""Dead letters: unreadable messages, kept for inspection so that the reader can go on."""

from __future__ import annotations

import time

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import DeadLetter
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.jetstream import StoredMessage
from pointsman.runtime.telemetry import metrics

MAX_PAYLOAD_BYTES = 256 * 1024


async def publish_dead_letter(bus: Bus, service: str, stream: str, message: StoredMessage, reason: str) -> None:
    """Append a message of a stream to ``dead.<stream>``; once only within the duplicate window of NATS.

    ``service`` has read the message; the first `MAX_PAYLOAD_BYTES` of its data are kept.
    """
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
