"""What is noted of an answer while it passes: text, tools, usage, how it ends."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pointsman.llm.providers.base import TEXT_HEAD_CHARS, Completion, ToolCall, Usage
from pointsman.llm.providers.finish import normalised

NOTHING = msgspec.Raw(b"null")
"""What a field of raw JSON is when it is left out."""
BROKEN_OFF = "error"
"""OpenRouter's finish reason for a model that failed after it had begun."""


class Observer(Protocol):
    """Reads copies of a provider's events, or its whole answer, in one dialect."""

    notes: Notes

    def event(self, data: bytes) -> bool:
        """Read the data of one event; tell whether it holds nothing but the usage. Never raises."""
        ...

    def whole(self, body: bytes) -> None:
        """Read an answer that is no stream; `Notes.error` is set when it is an error that came with a good status.

        Raises
        ------
        msgspec.MsgspecError
            It is not an answer of the dialect.
        """
        ...


class Notes:
    """What was seen so far; an observer writes it, `completion` reads it."""

    __slots__ = (
        "_free_text",
        "_text_head",
        "_tools",
        "cache_write_tokens",
        "cached_tokens",
        "ended",
        "error",
        "finish",
        "input_tokens",
        "malformed",
        "model",
        "output_tokens",
        "refused",
        "response_id",
        "started",
        "text_chars",
        "told_usage",
    )

    def __init__(self) -> None:
        self.response_id: str | None = None
        self.model: str | None = None
        self.text_chars = 0
        self._text_head: list[str] = []
        self._tools: dict[int, list[str]] = {}
        self._free_text: set[int] = set()
        self.finish: str | None = None
        self.refused = False
        self.started = False
        """Something of the answer was there: from then on an error is in mid-stream."""
        self.ended = False
        """The dialect's last event was there."""
        self.error: bytes | None = None
        """What was told of an error that came after a good status."""
        self.malformed = 0
        self.told_usage = False
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.cache_write_tokens: int | None = None

    def text(self, text: str) -> None:
        """Note some of the text."""
        if self.text_chars < TEXT_HEAD_CHARS:
            self._text_head.append(text[: TEXT_HEAD_CHARS - self.text_chars])
        self.text_chars += len(text)

    def tool(self, index: int, name: str = "", arguments: str = "", *, free_text: bool = False) -> None:
        """Note some of a tool call: the name comes once, the arguments in pieces; free text need not be JSON."""
        parts = self._tools.setdefault(index, [""])
        if free_text:
            self._free_text.add(index)
        if name:
            parts[0] = name
        if arguments:
            parts.append(arguments)

    def goes_on(self, index: int, arguments: str) -> None:
        """Note more arguments of a tool call, if there is one of that index."""
        if index in self._tools:
            self._tools[index].append(arguments)

    def completion(self, status: int) -> Completion:
        """Return what is known so far."""
        calls = ((at, parts[0], "".join(parts[1:])) for at, parts in sorted(self._tools.items()))
        return Completion(
            status=status,
            usage=self._usage(),
            finish_reason=normalised(self.finish, refused=self.refused),
            text_chars=self.text_chars,
            text_head="".join(self._text_head),
            tool_calls=tuple(
                ToolCall(name=name, arguments=arguments, valid_json=at in self._free_text or _is_object(arguments))
                for at, name, arguments in calls
            ),
            model=self.model,
            response_id=self.response_id,
            complete=self.error is None and self.finish != BROKEN_OFF and (self.ended or self.finish is not None),
            malformed_events=self.malformed,
        )

    def _usage(self) -> Usage | None:
        if not self.told_usage:
            return None
        return Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_input_tokens=self.cached_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )


def _is_object(arguments: str) -> bool:
    """Tell whether a tool call's arguments are a JSON object; none at all counts as the empty one."""
    try:
        return not arguments or isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
