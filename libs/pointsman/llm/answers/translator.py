"""From what a reader returns to the bytes that a client of another dialect receives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pointsman.llm.answers.events import Event, Piece
from pointsman.llm.answers.ordered import OrderedEvents


class AnswerWriter(Protocol):
    """Writes one answer in a client's dialect."""

    def whole(self, events: Iterable[Event]) -> bytes:
        """Return an answer that is not a stream."""
        ...

    def events(self, events: Iterable[Event]) -> bytes:
        """Return more of a stream, possibly nothing."""
        ...

    def end(self) -> bytes:
        """Return the end of a stream; nothing where it was returned, or where the answer has no `Finish`."""
        ...


class AnswerTranslator(Protocol):
    """Makes the client's answer from the provider's: of its bytes, or of the events that its reader returned.

    A stream or an answer that cannot be translated raises `ValueError`, `KeyError` or `TypeError`.
    """

    def whole(self, body: bytes, pieces: list[Piece]) -> bytes:
        """Return an answer that is not a stream."""
        ...

    def event(self, data: bytes, pieces: list[Piece]) -> bytes:
        """Return the client's events for one event of the provider, possibly none."""
        ...

    def end(self) -> bytes:
        """Return the remaining events when the stream has ended."""
        ...


class WrittenAnswer:
    """Writes the events in another dialect."""

    def __init__(self, writer: AnswerWriter) -> None:
        self._writer = writer
        self._ordered = OrderedEvents()

    def whole(self, body: bytes, pieces: list[Piece]) -> bytes:
        """Return an answer that is not a stream."""
        return self._writer.whole(self._ordered.feed(pieces) + self._ordered.end())

    def event(self, data: bytes, pieces: list[Piece]) -> bytes:
        """Return the client's events for one event of the provider."""
        return self._writer.events(self._ordered.feed(pieces)) if pieces else b""

    def end(self) -> bytes:
        """Return the remaining events when the stream has ended."""
        return self._writer.events(self._ordered.end()) + self._writer.end()
