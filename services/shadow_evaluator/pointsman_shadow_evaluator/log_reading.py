"""Reading of one log of a tier in order, for the readers of decisions and of rewards."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pointsman.contracts.messages.errors import MessageError, UnknownVersion
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.bus.notices import publish_dead_letter
from pointsman.runtime.telemetry.instruments import Gauge
from pointsman.runtime.telemetry.logs import logger

log = logger("shadow_evaluator")

SERVICE = "shadow-evaluator"
IDLE_INTERVAL_S = 1.0

T = TypeVar("T")


async def process_batches(
    reader: LogReader, tier: str, lag: Gauge, process: Callable[[list[StoredMessage]], Awaitable[bool]]
) -> None:
    """Process the messages of a log in order, until the reader or the callback requires a new start.

    ``process`` is called with each batch, and with an empty one if nothing arrives for a second; it returns whether to
    continue. ``lag`` is set to the number of messages that were not processed yet. The reader is closed at the end.
    """
    try:
        while True:
            batch = await reader.next_batch(wait_s=IDLE_INTERVAL_S)
            if reader.restarts > 0:
                return  # the log may have changed together with the restart
            lag.labels(tier).set(reader.pending + len(batch))
            if not await process(batch):
                return
    finally:
        await reader.close()


async def decode_batch(
    bus: Bus, stream: str, tier: str, batch: Sequence[StoredMessage], decode: Callable[[StoredMessage, str], T]
) -> list[T | None]:
    """Decode the messages of a batch of a stream; an invalid one is published as a dead letter and becomes None.

    ``decode`` is called with a message and the tier, and raises `MessageError` for an invalid message.

    Raise `UnknownVersion` for a message of a newer Pointsman: the evaluation waits for an upgrade.
    """
    decoded: list[T | None] = []
    for message in batch:
        try:
            decoded.append(decode(message, tier))
        except UnknownVersion as error:
            raise UnknownVersion(f"{message.subject}, message {message.sequence}: {error}") from error
        except MessageError as error:
            at = message.sequence
            log.warning("tier %s: message %d of %s is a dead letter: %s", tier, at, stream, error)
            await publish_dead_letter(bus, SERVICE, stream, message, str(error))
            decoded.append(None)
    return decoded
