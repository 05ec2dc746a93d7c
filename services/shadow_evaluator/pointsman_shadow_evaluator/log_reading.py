"""Reading one log of a tier in order: what both readers have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pointsman.contracts.messages.errors import MessageError
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.bus.dead_letters import publish_dead_letter
from pointsman.runtime.telemetry.instruments import Gauge
from pointsman.runtime.telemetry.logs import logger

log = logger("shadow_evaluator")

SERVICE = "shadow-evaluator"
IDLE_S = 1.0

T = TypeVar("T")


async def read_on(
    reader: LogReader, tier: str, lag: Gauge, take: Callable[[list[StoredMessage]], Awaitable[bool]]
) -> None:
    """Hand on what comes, in order, until somebody says to start over.

    Parameters
    ----------
    reader : LogReader
        Closed at the end.
    tier : str
    lag : Gauge
        Set to how many messages there are that were not taken yet.
    take : callable
        Given each batch, and an empty one when nothing came for a second; tells whether to go on.
    """
    try:
        while True:
            batch = await reader.next_batch(wait_s=IDLE_S)
            if reader.restarts > 0:
                return  # whatever made the reader start over may have changed the log
            lag.labels(tier).set(reader.pending + len(batch))
            if not await take(batch):
                return
    finally:
        await reader.close()


async def read_each(
    bus: Bus, stream: str, tier: str, batch: Sequence[StoredMessage], read: Callable[[StoredMessage, str], T]
) -> list[T | None]:
    """Read each message of a batch; one that cannot be read goes to the dead letters, and is None.

    Parameters
    ----------
    stream : str
        Where the batch is from.
    read : callable
        Given a message and the tier; raises `MessageError` for what nobody of ours would have written.
    """
    found: list[T | None] = []
    for message in batch:
        try:
            found.append(read(message, tier))
        except MessageError as error:
            at = message.sequence
            log.warning("tier %s: message %d of %s is a dead letter: %s", tier, at, stream, error)
            await publish_dead_letter(
                bus, SERVICE, stream, subject=message.subject, sequence=at, data=message.data, reason=str(error)
            )
            found.append(None)
    return found
