"""Orders the tool calls of OpenAI's streams into the consecutive blocks of Anthropic's.

OpenAI's streams number the calls, and a piece may belong to any of them. Anthropic's have a block for each, and the
next begins when the previous one has ended. The first call is passed on as it arrives; a call that begins meanwhile
waits until the first is complete JSON, or until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Literal, NamedTuple

import msgspec

from pointsman.llm.providers.dialects.recorder import MAX_ARGUMENT_CHARS, MAX_TOOL_CALLS

MAX_CHECKED_CHARS = 64 * 1024 * 1024
"""How much of arguments is checked for being complete: each check reads them from the beginning."""


class BlockStep(NamedTuple):
    """What to write next: open a block (with id and name), some arguments, or close the block."""

    kind: Literal["open", "arguments", "close"]
    text: str = ""
    id: str = ""


class _PendingCall:
    __slots__ = ("chars", "id", "name", "opened", "text", "unwritten")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.text = StringIO()  # all arguments so far
        self.chars = 0
        self.unwritten: list[str] = []
        self.opened = False

    def is_complete(self) -> bool:
        """Return whether the arguments are complete JSON; without any yet, they may still arrive."""
        try:
            msgspec.json.decode(self.text.getvalue(), type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True


class ToolBlocks:
    """The tool calls of one answer; with more than `MAX_ARGUMENT_CHARS` or `MAX_TOOL_CALLS`, `add` raises."""

    def __init__(self) -> None:
        self._waiting: dict[int, _PendingCall] = {}
        self._closed: set[int] = set()
        self._chars = 0
        self._checked_chars = 0

    def add(self, index: int, id_: str, name: str, arguments: str) -> None:
        """Add a piece of a call; raise `ValueError` when the call was complete and the next one had begun."""
        if index in self._closed:
            raise ValueError("a tool call continues after its arguments were complete")
        self._chars += len(arguments)
        call = self._waiting.setdefault(index, _PendingCall())
        if self._chars > MAX_ARGUMENT_CHARS or len(self._waiting) + len(self._closed) > MAX_TOOL_CALLS:
            raise ValueError("too many tool calls, or their arguments are too long")
        call.id = call.id or id_
        call.name = call.name or name
        if arguments:
            call.text.write(arguments)
            call.chars += len(arguments)
            call.unwritten.append(arguments)

    def steps(self, *, final: bool) -> Iterator[BlockStep]:
        """Yield the steps that are possible now; ``final`` writes and closes all calls, because no more will arrive."""
        while self._waiting:
            index = next(iter(self._waiting))
            call = self._waiting[index]
            if not call.opened:
                if not call.name and not final:
                    return
                call.opened = True
                yield BlockStep("open", call.name, call.id)
            if call.unwritten:
                yield BlockStep("arguments", "".join(call.unwritten))
                call.unwritten = []
            if not final and (len(self._waiting) == 1 or not self._is_complete(call)):
                return
            yield BlockStep("close")
            del self._waiting[index]
            self._closed.add(index)

    def _is_complete(self, call: _PendingCall) -> bool:
        """Return whether a call is complete; not known after `MAX_CHECKED_CHARS`, and then the end decides."""
        if self._checked_chars > MAX_CHECKED_CHARS:
            return False
        self._checked_chars += call.chars
        return call.is_complete()
