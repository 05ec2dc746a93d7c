"""Server-sent events: splitting a stream of bytes into events, and encoding events.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.5. Only the lines of ``data`` are
read, because the events of OpenAI and Anthropic name their type inside it.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import msgspec

MAX_EVENT_BYTES = 16 * 1024 * 1024
MAX_EVENT_LINES = 10_000

# Two line ends in a row. A lone carriage return is one only when the next byte is known and not a line feed.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?=[^\n])){2}")
_LOOK_BACK = 4


Event = tuple[bytes, bytes | None]
"""An event as it is sent to a client of the same dialect, and its data; None for an event without data, or blank."""


class Framing(Protocol):
    """Splits the bytes of a stream into events."""

    def feed(self, data: bytes) -> list[Event]:
        """Add bytes; return the events that are now complete. Raise `ValueError` for another kind of stream."""
        ...

    def end(self) -> list[Event]:
        """Return what is left when the stream has ended."""
        ...


class SseFraming:
    """Splits server-sent events."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()

    def feed(self, data: bytes) -> list[Event]:
        """Add bytes; return the events that are now complete."""
        return [(event, _content(event)) for event in self._splitter.feed(data)]

    def end(self) -> list[Event]:
        """Return the last event of a server that omits the blank line after it."""
        rest = self._splitter.rest()
        return [(rest, _content(rest))] if rest else []


def _content(event: bytes) -> bytes | None:
    """Return the data of an event; None where it is blank, as of events that only keep a connection alive."""
    data = event_data(event)
    return data if data and not data.isspace() else None


class EventTooLong(ValueError):
    """An event is longer than `MAX_EVENT_BYTES`, or has more lines than `MAX_EVENT_LINES`."""


class EventSplitter:
    """Splits a stream of bytes into events, wherever the chunks are cut."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0
        self._line_feeds_only = True

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; return the events that are now complete, each with the blank line after it.

        The events and the pending rest are exactly the bytes that were added. Raises `EventTooLong`.
        """
        pending = self._pending
        pending += data
        if self._line_feeds_only and b"\r" in data:
            self._line_feeds_only = False
        events = []
        start = 0
        at = max(0, self._searched - _LOOK_BACK)
        while (end := self._blank_line(at)) >= 0:
            events.append(bytes(pending[start:end]))
            start = at = end
        del pending[:start]
        self._searched = len(pending)
        if self._searched > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event is longer than {MAX_EVENT_BYTES} bytes")
        return events

    def rest(self) -> bytes:
        """Return and clear what is left when the stream has ended."""
        rest = bytes(self._pending)
        self._pending.clear()
        self._searched = 0
        return rest

    def _blank_line(self, at: int) -> int:
        """Return the end of the first blank line from ``at`` on; -1 when there is none."""
        if self._line_feeds_only:
            found = self._pending.find(b"\n\n", at)
            return found + 2 if found >= 0 else -1
        match = _BLANK_LINE.search(self._pending, at)
        return match.end() if match else -1


def event_data(event: bytes) -> bytes | None:
    """Return the data of an event, its lines joined; None for an event without any, such as a comment.

    `EventTooLong` is raised for one of too many lines.
    """
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    if event.count(b"\n") + event.count(b"\r") > 2 * MAX_EVENT_LINES:
        raise EventTooLong(f"an event has more than {MAX_EVENT_LINES} lines")
    lines = []
    for line in event.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None


def encode_event(value: Any, name: str | None = None) -> bytes:
    """Encode a JSON value as an event; Anthropic's events have a name."""
    data = b"data: " + msgspec.json.encode(value) + b"\n\n"
    return f"event: {name}\n".encode() + data if name else data
