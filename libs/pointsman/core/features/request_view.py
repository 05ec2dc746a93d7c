"""A neutral, read-only view of a chat request, whichever dialect its client speaks.

Features, tier scores and extractors read this and never a body. Requests come from strangers: a field that is missing,
null or of another type counts as absent here, since it is the provider's to judge. The work is bounded: the newest
`MOST` messages and parts of them are looked at, and of each text no more than its length and its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

Dialect = Literal["openai", "anthropic"]

MOST = 1_000
"""Messages and parts of messages that are looked at, from the newest back."""

LONGEST = 4_000
"""Characters of a text that are read: see `excerpt`."""

SAMPLE = 500
"""Characters by which a text's bytes are estimated, when it is not plain ASCII."""

BYTES_PER_TOKEN = 4.0
TOKENS_PER_TOOL = 150
TOKENS_PER_ATTACHMENT = 1_000

_SYSTEM_ROLES = ("system", "developer")
_IMAGES = ("image_url", "image", "input_image")
_FILES = ("file", "document", "input_file", "input_audio")
_EFFORTS = {"none": 0.0, "minimal": 0.1, "low": 0.3, "medium": 0.6, "high": 1.0, "xhigh": 1.0, "max": 1.0}
_MOST_THINKING = 16_000
"""Tokens of an Anthropic thinking budget that count as the effort 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """What a chat request looks like.

    Attributes
    ----------
    dialect : {"openai", "anthropic"}
        What the client speaks.
    last_user_text : str
        What the user wrote last; results of tools are not what a user wrote. Empty when there is no text.
    latest_text : str
        The text of the newest message that has any, whoever it is from: in an agent's loop, a tool's result.
    messages : int
        Messages, the system's included.
    turns : int
        Messages in which a user wrote text.
    text_chars : int
        Characters of all texts: system, users, assistant, arguments and results of tools.
    text_bytes : int
        The same in UTF-8, estimated from the start of each text.
    system_chars : int
        Characters of the system prompt.
    tools : int
        Tools that are offered.
    tool_calls, tool_results : int
        Tools that were called so far, and that have answered.
    tool_result_last : bool
        The newest message is a tool's answer: the model is to go on with its work.
    images, files : int
        Pictures; documents and recordings.
    stream : bool
        The answer is to be streamed.
    json_mode : bool
        The answer has to be JSON, by ``response_format`` or ``output_config``, or has to call a tool.
    max_tokens : int or None
        The longest answer that is wanted.
    effort : float
        How much thinking is asked for by ``reasoning_effort`` or ``thinking``, 0 to 1; 0 when it is not said.
    """

    dialect: Dialect
    last_user_text: str = ""
    latest_text: str = ""
    messages: int = 0
    turns: int = 0
    text_chars: int = 0
    text_bytes: int = 0
    system_chars: int = 0
    tools: int = 0
    tool_calls: int = 0
    tool_results: int = 0
    tool_result_last: bool = False
    images: int = 0
    files: int = 0
    stream: bool = False
    json_mode: bool = False
    max_tokens: int | None = None
    effort: float = 0.0

    @property
    def tokens(self) -> int:
        """The length of the request in tokens, roughly: a quarter of its bytes, and more for tools and pictures."""
        return int(
            self.text_bytes / BYTES_PER_TOKEN
            + TOKENS_PER_TOOL * self.tools
            + TOKENS_PER_ATTACHMENT * (self.images + self.files)
        )


def view_request(body: Mapping[str, Any], dialect: Dialect) -> RequestView:
    """Return the view of a request's decoded body; never raises, whatever is in it.

    Parameters
    ----------
    body : mapping
        As the client sent it. It is not changed.
    dialect : {"openai", "anthropic"}
        What the client speaks.
    """
    seen = _Reading()
    messages = body.get("messages")
    messages = messages if isinstance(messages, list) else []
    for message in reversed(messages):
        if seen.left <= 0:
            break
        seen.message(message)
    seen.left = MOST
    seen.system(body.get("system"))
    return RequestView(
        dialect=dialect,
        last_user_text=seen.last_user_text or "",
        latest_text=seen.latest_text,
        messages=len(messages),
        turns=seen.turns,
        text_chars=seen.chars,
        text_bytes=int(seen.bytes),
        system_chars=seen.system_chars,
        tools=_length(body.get("tools")) + _length(body.get("functions")),
        tool_calls=seen.tool_calls,
        tool_results=seen.tool_results,
        tool_result_last=seen.result_last,
        images=seen.images,
        files=seen.files,
        stream=body.get("stream") is True,
        json_mode=_json_mode(body),
        max_tokens=_max_tokens(body),
        effort=_effort(body),
    )


def excerpt(text: str) -> str:
    """Return what is read of a text: all of it, or of a long one the beginning and, as the last quarter, the end."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST * 3 // 4]}\n{text[-LONGEST // 4 :]}"


class _Reading:
    """Adds up messages, from the newest to the oldest."""

    def __init__(self) -> None:
        self.left = MOST
        self._newest = True
        self.last_user_text: str | None = None
        self.latest_text = ""
        self.turns = 0
        self.chars = 0
        self.bytes = 0.0
        self.system_chars = 0
        self.tool_calls = 0
        self.tool_results = 0
        self.result_last = False
        self.images = 0
        self.files = 0

    def message(self, message: Any) -> None:
        newest, self._newest = self._newest, False
        self.left -= 1
        if not isinstance(message, dict):
            return
        role = message.get("role")
        content = message.get("content")
        if role in _SYSTEM_ROLES:
            self.system(content)
            return
        results = self.tool_results
        text = self._content(content)
        if role in ("tool", "function"):
            self.tool_results += 1
        elif role == "user":
            if text:
                self.turns += 1
                if self.last_user_text is None:
                    self.last_user_text = text
        elif role == "assistant":
            self._called(message.get("tool_calls"))
            if message.get("function_call") is not None:
                self.tool_calls += 1
        if newest:
            self.result_last = self.tool_results > results
        if not self.latest_text:
            self.latest_text = text

    def system(self, content: Any) -> None:
        before = self.chars
        self._content(content)
        self.system_chars += self.chars - before

    def _content(self, content: Any, of_tool: bool = False) -> str:
        """Add a message's content, or that of a tool's result in it; return what it says in words."""
        if isinstance(content, str):
            self._text(content)
            return content
        if not isinstance(content, list):
            return ""
        texts, results = [], []
        for part in content:
            if self.left <= 0:
                break
            self.left -= 1
            if not isinstance(part, dict):
                continue
            kind = part.get("type")
            if kind == "tool_result":
                self.tool_results += 1
                if not of_tool:  # results do not nest; whoever nests them anyway gets no deep recursion
                    results.append(self._content(part.get("content"), of_tool=True))
            elif kind == "tool_use":
                self.tool_calls += 1
                self._arguments(part.get("input"))
            elif kind in _IMAGES:
                self.images += 1
            elif kind in _FILES:
                self.files += 1
            elif isinstance(text := part.get("text"), str):
                self._text(text)
                texts.append(text)
        if not texts and results and not self.latest_text:
            self.latest_text = "\n".join(results)
        return texts[0] if len(texts) == 1 else "\n".join(texts)

    def _called(self, calls: Any) -> None:
        if not isinstance(calls, list):
            return
        self.tool_calls += len(calls)
        for call in calls[: max(self.left, 0)]:
            self.left -= 1
            function = call.get("function") if isinstance(call, dict) else None
            self._arguments(function.get("arguments") if isinstance(function, dict) else None)

    def _arguments(self, arguments: Any) -> None:
        """Add the arguments of a tool: a text of JSON, or decoded."""
        if isinstance(arguments, str):
            self._text(arguments)
        elif isinstance(arguments, dict):
            for value in islice(arguments.values(), max(self.left, 0)):
                self.left -= 1
                if isinstance(value, str):
                    self._text(value)

    def _text(self, text: str) -> None:
        chars = len(text)
        self.chars += chars
        if text.isascii():
            self.bytes += chars
        else:
            start = text[:SAMPLE]
            self.bytes += chars * len(start.encode("utf-8", "surrogatepass")) / len(start)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _json_mode(body: Mapping[str, Any]) -> bool:
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema"):
        return True
    output = body.get("output_config")
    if body.get("output_format") is not None or (isinstance(output, dict) and output.get("format") is not None):
        return True
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return choice.get("type") in ("function", "tool", "any", "custom")
    return choice == "required"


def _max_tokens(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _effort(body: Mapping[str, Any]) -> float:
    effort = body.get("reasoning_effort")
    if effort is None:
        for name in ("reasoning", "output_config"):
            nested = body.get(name)
            if isinstance(nested, dict) and nested.get("effort") is not None:
                effort = nested["effort"]
    if isinstance(effort, str):
        return _EFFORTS.get(effort, 0.0)
    thinking = body.get("thinking")
    if not isinstance(thinking, dict):
        return 0.0
    if thinking.get("type") == "adaptive":
        return _EFFORTS["medium"]
    budget = thinking.get("budget_tokens")
    if thinking.get("type") != "enabled" or not isinstance(budget, int) or isinstance(budget, bool):
        return 0.0
    return min(max(budget, 0) / _MOST_THINKING, 1.0)
