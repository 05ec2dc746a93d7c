"""Publisher of shadow events: many events, few acknowledgements, none missing."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pointsman.runtime.bus import Bus, BusUnavailable, Message, read_ack

APPEND_TIMEOUT_S = 5.0

WINDOW = 4000
"""Limit of events in flight. A nats-server with 10,000 unstored messages of a stream drops further ones, silently
if no acknowledgement was requested. Several evaluators may publish at the same time."""


class Sent(NamedTuple):
    """Events that were sent.

    Attributes
    ----------
    first, last: Acknowledgements of the first and the last event.
    number: Number of events.
    connection: Number of reconnects of the client when they were sent.
    """

    first: asyncio.Future[Message]
    last: asyncio.Future[Message]
    number: int
    connection: int

    def cancel(self) -> None:
        """Cancel the wait for the acknowledgements."""
        for future in (self.first, self.last):
            if not future.cancel() and not future.cancelled():
                future.exception()  # retrieved, so that asyncio does not log it as unhandled


class EventPublisher:
    """Appends events to the stream SHADOW.

    A stream stores the messages of one connection in order. So only the first and the last event of a chunk request an
    acknowledgement: if both are stored on one connection, with enough sequences between them, all are stored.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sending = asyncio.Lock()
        self._in_flight = 0
        self._landed = asyncio.Event()

    async def send(self, subject: str, events: Sequence[bytes]) -> list[Sent]:
        """Send events to a subject when the window has room for them; `confirm` waits until they are stored.

        Raise `BusUnavailable` if there is no connection.
        """
        sent = []
        async with self._sending:  # so that only this chunk is stored between its first and last event
            for begin in range(0, len(events), WINDOW):
                chunk = events[begin : begin + WINDOW]
                while self._in_flight and self._in_flight + len(chunk) > WINDOW:
                    self._landed.clear()
                    await self._landed.wait()
                sent.append(await self._send_chunk(subject, chunk))
        await asyncio.sleep(0)  # flushes the events, which are stored while the next ones are encoded
        return sent

    async def confirm(self, sent: Iterable[Sent]) -> None:
        """Wait until all of these events are stored. Raise `BusUnavailable` if some of them may not be stored."""
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
