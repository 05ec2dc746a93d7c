"""Publishing what shadows would have done: many events, few acknowledgements, none missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pointsman.runtime.bus import Bus, BusUnavailable, Message, read_ack

APPEND_TIMEOUT_S = 5.0

WINDOW = 4000
"""Events in flight. A nats-server drops what it has not yet stored beyond 10,000 messages of a stream, in silence where
nobody waits for the acknowledgement; several evaluators may publish at once."""


class Sent(NamedTuple):
    """Events that are on their way.

    Attributes
    ----------
    first, last : Future
        Acknowledgements of the first and the last of them.
    number : int
    connection : int
        How often the client had reconnected when they were sent.
    """

    first: asyncio.Future[Message]
    last: asyncio.Future[Message]
    number: int
    connection: int

    def forget(self) -> None:
        """Wait for them no more."""
        for future in (self.first, self.last):
            if not future.cancel() and not future.cancelled():
                future.exception()  # looked at, so that nobody complains that nobody did


class EventPublisher:
    """Appends events to the stream SHADOW.

    A stream takes what comes on one connection in order. So only the first and the last event of a chunk ask for an
    acknowledgement: when the two are stored with enough sequences between them, and on one connection, all are stored.

    Parameters
    ----------
    bus : Bus
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sending = asyncio.Lock()
        self._in_flight = 0
        self._landed = asyncio.Event()

    async def send(self, subject: str, events: Sequence[bytes]) -> list[Sent]:
        """Send events to a subject, as soon as there is room for them; `confirm` that they are stored.

        Raises
        ------
        BusUnavailable
            When there is no connection.
        """
        sent = []
        async with self._sending:  # what is stored between the first and the last is then of this chunk
            for begin in range(0, len(events), WINDOW):
                chunk = events[begin : begin + WINDOW]
                while self._in_flight and self._in_flight + len(chunk) > WINDOW:
                    self._landed.clear()
                    await self._landed.wait()
                sent.append(await self._send_chunk(subject, chunk))
        await asyncio.sleep(0)  # what is written goes out now, and is stored while the next is made
        return sent

    async def confirm(self, sent: Iterable[Sent]) -> None:
        """Wait until all of these events are stored.

        Raises
        ------
        BusUnavailable
            When not all are known to be; some may be.
        """
        for first, last, number, connection in sent:
            begin, end = read_ack(await first).sequence, read_ack(await last).sequence
            if end - begin < number - 1 or self._bus.reconnects != connection:
                raise BusUnavailable("not all shadow results were stored")

    async def _send_chunk(self, subject: str, events: Sequence[bytes]) -> Sent:
        bus, number = self._bus, len(events)
        connection = bus.reconnects
        first = last = await bus.requests.send(subject, events[0], APPEND_TIMEOUT_S)
        try:
            await bus.publish_many(subject, events[1:-1])
            if number > 1:
                last = await bus.requests.send(subject, events[-1], APPEND_TIMEOUT_S)
        except BaseException:
            first.cancel()
            raise
        self._in_flight += number
        last.add_done_callback(lambda _: self._land(number))
        return Sent(first, last, number, connection)

    def _land(self, number: int) -> None:
        self._in_flight -= number
        self._landed.set()
