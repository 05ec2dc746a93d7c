"""Puts the pieces of tool calls into blocks that follow one another.

OpenAI's streams number the calls, and a piece may belong to any of them; clients of other dialects receive one block
after the other. The first call is passed on as it arrives. What arrives meanwhile, other calls and text, waits until
the first is complete JSON, or until the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from io import StringIO

import msgspec

from pointsman.llm.answers.events import (
    Begin,
    End,
    Event,
    Finish,
    Piece,
    ToolArguments,
    ToolBegin,
    ToolEnd,
    ToolPiece,
    UsageReport,
)
from pointsman.llm.answers.recorder import MAX_ARGUMENT_CHARS, MAX_TOOL_CALLS

MAX_CHECKED_CHARS = 64 * 1024 * 1024
"""How much of arguments is checked for being complete: each check reads them from the beginning."""


class _WaitingCall:
    __slots__ = ("chars", "done", "free_text", "id", "name", "opened", "text", "unwritten")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.free_text = False
        self.text = StringIO()  # all arguments so far
        self.chars = 0
        self.unwritten: list[str] = []
        self.opened = False
        self.done = False

    def is_complete(self) -> bool:
        """Return whether the arguments are complete JSON; without any yet, they may still arrive."""
        if self.free_text:
            return False
        try:
            msgspec.json.decode(self.text.getvalue(), type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class OrderedEvents:
    """Orders one answer; with more than `MAX_ARGUMENT_CHARS` or `MAX_TOOL_CALLS`, `feed` raises `ValueError`."""

    def __init__(self) -> None:
        self._waiting: dict[int, _WaitingCall] = {}
        self._closed: set[int] = set()
        self._behind: list[Event] = []  # what arrived while a call was not complete, and is no call
        self._chars = 0
        self._checked_chars = 0

    def feed(self, pieces: Iterable[Piece]) -> list[Event]:
        """Return the events that can be written now."""
        out: list[Event] = []
        for piece in pieces:
            if isinstance(piece, ToolPiece):
                self._add(piece)
                out += self._steps()
            elif not self._waiting or isinstance(piece, Begin | UsageReport):
                out.append(piece)
            elif isinstance(piece, Finish | End):
                out += self.end()
                out.append(piece)
            else:
                self._behind.append(piece)
                out += self._steps()
        return out

    def end(self) -> list[Event]:
        """Return what is left: no more will arrive."""
        return list(self._steps(final=True))

    def _add(self, piece: ToolPiece) -> None:
        if piece.call in self._closed:
            return  # more after complete arguments
        self._chars += len(piece.arguments)
        call = self._waiting.setdefault(piece.call, _WaitingCall())
        if self._chars > MAX_ARGUMENT_CHARS or len(self._waiting) + len(self._closed) > MAX_TOOL_CALLS:
            raise ValueError("too many tool calls, or their arguments are too long")
        call.id = call.id or piece.id
        call.name = call.name or piece.name
        call.free_text = call.free_text or piece.free_text
        call.done = call.done or piece.done
        if piece.arguments:
            call.text.write(piece.arguments)
            call.chars += len(piece.arguments)
            call.unwritten.append(piece.arguments)

    def _steps(self, *, final: bool = False) -> Iterator[Event]:
        """Yield the events that are possible now; ``final`` ends all calls."""
        while self._waiting:
            number = next(iter(self._waiting))
            call = self._waiting[number]
            others = len(self._waiting) > 1 or bool(self._behind)
            if not call.opened:
                # The id may come later than the name, but not later than the arguments.
                ready = call.name and (call.id or call.unwritten or others)
                if not (ready or final or call.done):
                    return
                call.opened = True
                yield ToolBegin(call.id or f"toolu_{uuid.uuid4().hex}", call.name, call.free_text)
            if call.unwritten:
                yield ToolArguments("".join(call.unwritten))
                call.unwritten = []
            if not (final or call.done or (others and self._is_complete(call))):
                return
            yield ToolEnd()
            del self._waiting[number]
            self._closed.add(number)
        yield from self._behind
        self._behind.clear()

    def _is_complete(self, call: _WaitingCall) -> bool:
        """Return whether a call is complete; not known after `MAX_CHECKED_CHARS`, and then the end decides."""
        if self._checked_chars > MAX_CHECKED_CHARS:
            return False
        self._checked_chars += call.chars
        return call.is_complete()
