"""Tool calls that come in pieces, maybe mixed with each other, put one after the other.

OpenAI's streams number the calls, and a piece may be of any of them. Anthropic's have a block for each, and the next
begins when the one before has ended. A call is passed on while it comes; one that begins meanwhile waits until the
first is a whole JSON text, or until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec


class Step(NamedTuple):
    """What to write next: open a block (with id and name), some arguments, or close the block."""

    kind: Literal["open", "arguments", "close"]
    text: str = ""
    id: str = ""


class _Call:
    __slots__ = ("id", "name", "opened", "pieces", "written")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.written = 0
        self.opened = False

    def is_whole(self) -> bool:
        """Tell whether the arguments are a JSON text; with none yet, they may still come."""
        try:
            msgspec.json.decode("".join(self.pieces), type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True


class ToolBlocks:
    """The tool calls of one answer."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Call] = {}
        self._closed: set[int] = set()

    def add(self, index: int, id_: str, name: str, arguments: str) -> None:
        """Take a piece of a call.

        Raises
        ------
        ValueError
            The call was whole already, and the next had begun.
        """
        if index in self._closed:
            raise ValueError("a tool call goes on after its arguments were whole")
        call = self._waiting.setdefault(index, _Call())
        call.id = call.id or id_
        call.name = call.name or name
        if arguments:
            call.pieces.append(arguments)

    def steps(self, *, to_the_end: bool) -> Iterator[Step]:
        """Yield what can be written now.

        Parameters
        ----------
        to_the_end : bool
            Nothing more will come: write and close them all.
        """
        while self._waiting:
            index = next(iter(self._waiting))
            call = self._waiting[index]
            if not call.opened:
                if not call.name and not to_the_end:
                    return
                call.opened = True
                yield Step("open", call.name, call.id)
            if call.written < len(call.pieces):
                yield Step("arguments", "".join(call.pieces[call.written :]))
                call.written = len(call.pieces)
            if not to_the_end and (len(self._waiting) == 1 or not call.is_whole()):
                return
            yield Step("close")
            del self._waiting[index]
            self._closed.add(index)
