"""Messages that cannot be read: kept for a person to look at, so that the log can be read on."""

from __future__ import annotations

import time

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import DeadLetter
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.telemetry import metrics

MAX_PAYLOAD_BYTES = 256 * 1024


async def bury(bus: Bus, service: str, stream: str, *, subject: str, sequence: int, data: bytes, reason: str) -> None:
    """Append a message to ``dead.<stream>``; once only, within NATS' window for duplicates.

    Parameters
    ----------
    service : str
        Who met the message.
    stream, subject, sequence, data
        Where it is, and what it is.
    reason : str
        Why it cannot be read.
    """
    letter = DeadLetter(
        stream=stream,
        subject=subject,
        sequence=sequence,
        reason=reason,
        service=service,
        payload=data[:MAX_PAYLOAD_BYTES],
        found_at_ms=int(time.time() * 1000),
    )
    await bus.append(subjects.dead(stream), encode(letter), headers={"Nats-Msg-Id": f"{stream}.{sequence}"})
    metrics.dead_letters.labels(stream).inc()
