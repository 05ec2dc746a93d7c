"""Server-sent events: cut out of bytes as they come, and written.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.5; here lines of ``data`` matter
alone, because both OpenAI's and Anthropic's events say what they are inside it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

MAX_EVENT_BYTES = 16 * 1024 * 1024

# Two line ends in a row. A carriage return alone is one only when the byte after it is there and is no line feed.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?=[^\n])){2}")
_LOOK_BACK = 4


class EventTooLong(ValueError):
    """An event is longer than `MAX_EVENT_BYTES`."""


class EventSplitter:
    """Cuts a stream of bytes into events, wherever the pieces were cut that they come in."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0
        self._line_feeds_only = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the events that are now complete, each with the blank line after it.

        The events, and what is still pending, are together exactly the bytes that were fed.

        Raises
        ------
        EventTooLong
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
        """Return what is left when the stream has ended, and forget it."""
        rest = bytes(self._pending)
        self._pending.clear()
        self._searched = 0
        return rest

    def _blank_line(self, at: int) -> int:
        """Return where the first blank line from ``at`` on ends; -1 when there is none."""
        if self._line_feeds_only:
            found = self._pending.find(b"\n\n", at)
            return found + 2 if found >= 0 else -1
        match = _BLANK_LINE.search(self._pending, at)
        return match.end() if match else -1


def event_data(event: bytes) -> bytes | None:
    """Return the data of an event, its lines joined; None for an event without any, such as a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    lines = []
    for line in event.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None


def encode_event(value: Any, name: str | None = None) -> bytes:
    """Encode a JSON value as an event, with a name where the dialect has names."""
    data = b"data: " + msgspec.json.encode(value) + b"\n\n"
    return f"event: {name}\n".encode() + data if name else data
