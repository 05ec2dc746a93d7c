"""Orders the tool calls of OpenAI's streams into the consecutive blocks of Anthropic's.

OpenAI's streams number the calls, and a piece may belong to any of them. Anthropic's have a block for each, and the
next begins when the previous one has ended. The first call is passed on as it arrives; a call that begins meanwhile
waits until the first is complete JSON, or until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec


class BlockStep(NamedTuple):
    """What to write next: open a block (with id and name), some arguments, or close the block."""

    kind: Literal["open", "arguments", "close"]
    text: str = ""
    id: str = ""


class _PendingCall:
    __slots__ = ("id", "name", "opened", "pieces", "written")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.written = 0
        self.opened = False

    def is_complete(self) -> bool:
        """Return whether the arguments are complete JSON; without any yet, they may still arrive."""
        try:
            msgspec.json.decode("".join(self.pieces), type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True


class ToolBlocks:
    """The tool calls of one answer."""

    def __init__(self) -> None:
        self._waiting: dict[int, _PendingCall] = {}
        self._closed: set[int] = set()

    def add(self, index: int, id_: str, name: str, arguments: str) -> None:
        """Add a piece of a call; raise `ValueError` when the call was complete and the next one had begun."""
        if index in self._closed:
            raise ValueError("a tool call continues after its arguments were complete")
        call = self._waiting.setdefault(index, _PendingCall())
        call.id = call.id or id_
        call.name = call.name or name
        if arguments:
            call.pieces.append(arguments)

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
            if call.written < len(call.pieces):
                yield BlockStep("arguments", "".join(call.pieces[call.written :]))
                call.written = len(call.pieces)
            if not final and (len(self._waiting) == 1 or not call.is_complete()):
                return
            yield BlockStep("close")
            del self._waiting[index]
            self._closed.add(index)
