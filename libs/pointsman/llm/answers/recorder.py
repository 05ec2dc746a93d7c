"""What is known of an answer as it passes, from its events: text, tool calls, usage, how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Protocol

import msgspec

from pointsman.llm.answers.events import Finish, Piece, RefusalPiece, TextPiece, ToolPiece, UsageReport
from pointsman.llm.answers.finish import FAILED_MIDWAY, agreed_reason
from pointsman.llm.completion import TEXT_HEAD_CHARS, Completion, ToolCall, Usage
from pointsman.llm.providers.dialects.usage import UsageFault

ABSENT = msgspec.Raw(b"null")
"""Value of a raw JSON field that is absent."""
MAX_NAME_CHARS = 256
"""Longest id, model or finish reason of an answer that is kept; a longer one is unknown."""
MAX_TOOL_CALLS = 1000
MAX_ARGUMENT_CHARS = 4 * 1024 * 1024
"""Arguments of all tool calls of an answer that are kept; with more, they are not valid JSON."""


class AnswerReader(Protocol):
    """Reads one answer in one dialect, and records what it returns.

    Attributes
    ----------
    recorder: What is known so far.
    tool_names: From the names of tools that were sent to the provider to the client's, where they differ. Writable.
    only_usage: Whether the latest event held nothing but the usage.
    """

    recorder: CompletionRecorder
    tool_names: Mapping[str, str]
    only_usage: bool

    def event(self, data: bytes) -> list[Piece]:
        """Read the data of one event of a stream; one that is not readable is counted. Never raises."""
        ...

    def whole(self, body: bytes) -> list[Piece]:
        """Read an answer that is not a stream; sets `CompletionRecorder.error` for an error with a status of success.

        A body that is not an answer of the dialect raises `msgspec.MsgspecError`.
        """
        ...


@dataclass(slots=True)
class _RecordedTool:
    name: str = ""
    arguments: StringIO = field(default_factory=StringIO)  # more compact than a list of pieces
    free_text: bool = False

    def call(self) -> ToolCall:
        arguments = self.arguments.getvalue()
        return ToolCall(name=self.name, arguments=arguments, valid_json=self.free_text or _is_object(arguments))


@dataclass(slots=True)
class CompletionRecorder:
    """State of an answer so far: a reader writes it, `completion` returns it."""

    response_id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    usage_faults: set[UsageFault] = field(default_factory=set)
    finish: str | None = None
    refused: bool = False
    started: bool = False  # part of the answer has arrived: from now on an error is in mid-stream
    ended: bool = False  # the last event of the dialect has arrived
    cut: bool = False  # the stream has an end, but the answer has none: a model broke off behind the server
    error: bytes | None = None  # an error that arrived after a status of success
    malformed: int = 0  # events that were not readable
    filled_events: int = 0  # events that held part of the answer
    text_chars: int = 0
    _text_head: list[str] = field(default_factory=list)
    _tools: dict[int, _RecordedTool] = field(default_factory=dict)
    _argument_chars: int = 0

    def record(self, pieces: Iterable[Piece]) -> None:
        """Record events of the answer."""
        for piece in pieces:
            if isinstance(piece, TextPiece):
                self.add_text(piece.text)
            elif isinstance(piece, ToolPiece):
                self.add_tool(piece.call, piece.name, piece.arguments, free_text=piece.free_text)
            elif isinstance(piece, UsageReport):
                self.usage = piece.usage
            elif isinstance(piece, Finish):
                self.finish = piece.reason
            elif isinstance(piece, RefusalPiece):
                self.refused = True
                self.add_text(piece.text)

    def add_text(self, text: str) -> None:
        """Record part of the text."""
        if self.text_chars < TEXT_HEAD_CHARS:
            self._text_head.append(text[: TEXT_HEAD_CHARS - self.text_chars])
        self.text_chars += len(text)

    def add_tool(self, index: int, name: str = "", arguments: str = "", *, free_text: bool = False) -> None:
        """Record part of a tool call: the name once, the arguments in pieces; free text need not be JSON."""
        tool = self._tools.get(index)
        if tool is None:
            if len(self._tools) >= MAX_TOOL_CALLS:
                return
            tool = self._tools[index] = _RecordedTool()
        tool.free_text = tool.free_text or free_text
        if name:
            tool.name = name[:MAX_NAME_CHARS]
        self.add_arguments(index, arguments)

    def add_arguments(self, index: int, arguments: str) -> None:
        """Record more arguments of a tool call, if there is one of that index."""
        tool = self._tools.get(index)
        if tool is not None and arguments:
            self._argument_chars += len(arguments)
            if self._argument_chars <= MAX_ARGUMENT_CHARS:
                tool.arguments.write(arguments)

    def completion(self, status: int) -> Completion:
        """Return what is known so far."""
        tools = [tool for _, tool in sorted(self._tools.items())]
        return Completion(
            status=status,
            usage=self.usage,
            usage_faults=tuple(sorted(self.usage_faults)),
            finish_reason=self._finish_reason(),
            text_chars=self.text_chars,
            text_head="".join(self._text_head),
            tool_calls=tuple(tool.call() for tool in tools),
            model=_short(self.model),
            response_id=_short(self.response_id),
            complete=self.error is None
            and not self.cut
            and self.finish != FAILED_MIDWAY
            and (self.ended or self.finish is not None),
            malformed_events=self.malformed,
        )

    def _finish_reason(self) -> str | None:
        if self.finish is None:
            return None
        return _short(agreed_reason(self.finish, calls=bool(self._tools), refused=self.refused))


class _AnyObject(msgspec.Struct):
    """Decodes every JSON object, and keeps nothing of it."""


def _is_object(arguments: str) -> bool:
    """Return whether a tool call's arguments are a JSON object; no arguments count as the empty object."""
    try:
        return not arguments or msgspec.json.decode(arguments, type=_AnyObject) is not None
    except (ValueError, RecursionError):
        return False


def json_text(value: msgspec.Raw) -> str:
    """Return the content of a JSON string, and other JSON as text; empty for null."""
    data = bytes(value)
    if data.startswith(b'"'):
        return msgspec.json.decode(data, type=str)
    return "" if value == ABSENT else data.decode()


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_NAME_CHARS else None
