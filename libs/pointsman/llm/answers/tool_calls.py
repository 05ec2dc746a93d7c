"""Which pieces of an OpenAI stream belong to one tool call.

OpenAI numbers the calls with ``index``. Some servers send null, or 0 for every call; some repeat id and name with each
piece; some send no ids, or the id later than the name.
"""

from __future__ import annotations

from typing import Any


class _Call:
    __slots__ = ("arguments", "chunk", "id", "name", "number")

    def __init__(self, number: int, chunk: int) -> None:
        self.number = number
        self.chunk = chunk
        self.id = ""
        self.name = False
        self.arguments = False


class ToolCallNumbers:
    """Numbers the calls of one answer from 0, in the order in which they begin."""

    def __init__(self) -> None:
        self._latest: dict[int, _Call] = {}  # by index, or below 0 by the position in the list
        self._count = 0
        self._chunk = 0

    def next_chunk(self) -> None:
        """Begin with the pieces of another event; two named pieces of one event are two calls."""
        self._chunk += 1

    def number(self, index: Any, position: int, id_: str, name: str, arguments: str) -> int:
        """Return the number of the call that a piece belongs to."""
        numbered = isinstance(index, int)
        key = index if numbered else -1 - position
        call = self._latest.get(key)
        if call is None or (name and call.name and self._is_other(call, numbered, id_)):
            call = self._latest[key] = _Call(self._count, self._chunk)
            self._count += 1
        call.id = call.id or id_
        call.name = call.name or bool(name)
        call.arguments = call.arguments or bool(arguments)
        return call.number

    def _is_other(self, call: _Call, numbered: bool, id_: str) -> bool:
        """Return whether a piece with a name begins another call than the latest one in its place."""
        if id_ and call.id:
            return id_ != call.id
        return call.chunk == self._chunk or (not numbered and call.arguments)
