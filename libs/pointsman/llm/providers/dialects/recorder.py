"""Records what is in an answer as it passes: text, tool calls, usage, how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from pointsman.llm.completion import TEXT_HEAD_CHARS, Completion, ToolCall, Usage
from pointsman.llm.providers.dialects.finish_reasons import completion_finish

ABSENT = msgspec.Raw(b"null")
"""Value of a raw JSON field that is absent."""
FAILED_MIDWAY = "error"
"""OpenRouter's finish reason for a model that failed after it had begun."""


class AnswerReader(Protocol):
    """Reads copies of a provider's events, or its complete answer, in one dialect."""

    recorder: CompletionRecorder

    def event(self, data: bytes) -> bool:
        """Read the data of one event; return whether it holds nothing but the usage. Never raises."""
        ...

    def whole(self, body: bytes) -> None:
        """Read an answer that is not a stream; sets `CompletionRecorder.error` for an error with a status of success.

        A body that is not an answer of the dialect raises `msgspec.MsgspecError`.
        """
        ...


@dataclass(slots=True)
class CompletionRecorder:
    """State of an answer so far: a reader writes it, `completion` returns it."""

    response_id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    finish: str | None = None
    refused: bool = False
    started: bool = False  # part of the answer has arrived: from now on an error is in mid-stream
    ended: bool = False  # the last event of the dialect has arrived
    error: bytes | None = None  # an error that arrived after a status of success
    malformed: int = 0  # events that were not readable
    text_chars: int = 0
    _text_head: list[str] = field(default_factory=list)
    _tools: dict[int, list[str]] = field(default_factory=dict)
    _free_text: set[int] = field(default_factory=set)

    def add_text(self, text: str) -> None:
        """Record part of the text."""
        if self.text_chars < TEXT_HEAD_CHARS:
            self._text_head.append(text[: TEXT_HEAD_CHARS - self.text_chars])
        self.text_chars += len(text)

    def add_tool(self, index: int, name: str = "", arguments: str = "", *, free_text: bool = False) -> None:
        """Record part of a tool call: the name once, the arguments in pieces; free text need not be JSON."""
        parts = self._tools.setdefault(index, [""])
        if free_text:
            self._free_text.add(index)
        if name:
            parts[0] = name
        if arguments:
            parts.append(arguments)

    def add_arguments(self, index: int, arguments: str) -> None:
        """Record more arguments of a tool call, if there is one of that index."""
        if index in self._tools:
            self._tools[index].append(arguments)

    def completion(self, status: int) -> Completion:
        """Return what is known so far."""
        calls = ((at, parts[0], "".join(parts[1:])) for at, parts in sorted(self._tools.items()))
        return Completion(
            status=status,
            usage=self.usage,
            finish_reason=completion_finish(self.finish, refused=self.refused),
            text_chars=self.text_chars,
            text_head="".join(self._text_head),
            tool_calls=tuple(
                ToolCall(name=name, arguments=arguments, valid_json=at in self._free_text or _is_object(arguments))
                for at, name, arguments in calls
            ),
            model=self.model,
            response_id=self.response_id,
            complete=self.error is None and self.finish != FAILED_MIDWAY and (self.ended or self.finish is not None),
            malformed_events=self.malformed,
        )


def _is_object(arguments: str) -> bool:
    """Return whether a tool call's arguments are a JSON object; no arguments count as the empty object."""
    try:
        return not arguments or isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
