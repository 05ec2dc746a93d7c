"""A read-only view of a chat request that does not depend on the API of the client.

Features and extractors read this view, not the body. A field that is missing, null or of another type is treated as
absent, because the provider validates the request. The work is bounded: only the newest `MAX_PARTS` messages and parts
of messages are read, and only the length and the start of each text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

Dialect = Literal["openai", "anthropic"]

MAX_PARTS = 1_000
"""Number of messages and parts of messages that are read, starting from the newest."""

MAX_TOKENS = 2**53
"""Limit of a number of tokens: integers of JSON have any size, and features are floats."""

MAX_EXCERPT_CHARS = 4_000
"""Number of characters of an `excerpt`."""

ENCODED_CHARS = 500
"""Number of characters from which the size in bytes is estimated, for a text that is not ASCII."""

BYTES_PER_TOKEN = 4.0
TOKENS_PER_TOOL = 150
TOKENS_PER_ATTACHMENT = 1_000

_SYSTEM_ROLES = ("system", "developer")
_IMAGES = ("image_url", "image", "input_image")
_FILES = ("file", "document", "input_file", "input_audio")
_EFFORTS = {"none": 0.0, "minimal": 0.1, "low": 0.3, "medium": 0.6, "high": 1.0, "xhigh": 1.0, "max": 1.0}
_MAX_THINKING_TOKENS = 16_000
"""Anthropic thinking budget in tokens that is effort 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """Properties of a chat request.

    Attributes
    ----------
    dialect: API of the client.
    last_user_text: The last text of the user, tool results excluded; empty without a text.
    latest_text: The text of the newest message with a text, from any role: in an agent loop, a tool result.
    messages: Number of messages, including system messages.
    turns: Number of user messages with text.
    text_chars: Number of characters of all texts: system, user, assistant, tool arguments and tool results.
    text_bytes: Size of these texts in UTF-8, estimated from the start of each text.
    system_chars: Number of characters of the system prompt.
    tools: Number of offered tools.
    tool_calls, tool_results: Numbers of tool calls and of tool results so far.
    tool_result_last: Whether the newest message is a tool result, so that the model continues its work.
    images, files: Numbers of images, and of documents and recordings.
    stream: Whether the answer is streamed.
    json_mode: Whether the answer must be JSON (``response_format`` or ``output_config``) or call a tool.
    max_tokens: Output limit in tokens.
    effort: Requested reasoning, 0 to 1, from ``reasoning_effort`` or ``thinking``; 0 if absent.
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
        """Estimated length in tokens: a quarter of the bytes, plus constants for tools and attachments."""
        return int(
            self.text_bytes / BYTES_PER_TOKEN
            + TOKENS_PER_TOOL * self.tools
            + TOKENS_PER_ATTACHMENT * (self.images + self.files)
        )


def view_request(body: Mapping[str, Any], dialect: Dialect) -> RequestView:
    """Return the view of a decoded request body, which is not changed. It never raises an exception."""
    totals = _Totals()
    messages = body.get("messages")
    messages = messages if isinstance(messages, list) else []
    for message in reversed(messages):
        if totals.left <= 0:
            break
        totals.add_message(message)
    totals.left = MAX_PARTS
    totals.add_system(body.get("system"))
    return RequestView(
        dialect=dialect,
        last_user_text=totals.last_user_text or "",
        latest_text=totals.latest_text,
        messages=len(messages),
        turns=totals.turns,
        text_chars=totals.text_chars,
        system_chars=totals.system_chars,
        tool_calls=totals.tool_calls,
        tool_results=totals.tool_results,
        images=totals.images,
        files=totals.files,
        text_bytes=int(totals.bytes),
        tools=_length(body.get("tools")) + _length(body.get("functions")),
        tool_result_last=totals.result_last,
        stream=body.get("stream") is True,
        json_mode=_json_mode(body),
        max_tokens=_max_tokens(body),
        effort=_effort(body),
    )


def excerpt(text: str) -> str:
    """Return the text, or for a long one its beginning (three quarters of the excerpt) and its end."""
    if len(text) <= MAX_EXCERPT_CHARS:
        return text
    return f"{text[: MAX_EXCERPT_CHARS * 3 // 4]}\n{text[-MAX_EXCERPT_CHARS // 4 :]}"


class _Totals:
    """Running totals over the messages, from the newest to the oldest."""

    def __init__(self) -> None:
        self.left = MAX_PARTS
        self._newest = True
        self.last_user_text: str | None = None
        self.latest_text = ""
        self.turns = self.text_chars = self.system_chars = 0
        self.tool_calls = self.tool_results = self.images = self.files = 0
        self.bytes = 0.0
        self.result_last = False

    def add_message(self, message: Any) -> None:
        newest, self._newest = self._newest, False
        self.left -= 1
        if not isinstance(message, dict):
            return
        role = message.get("role")
        content = message.get("content")
        if role in _SYSTEM_ROLES:
            self.add_system(content)
            return
        results = self.tool_results
        text = self._add_content(content)
        if role in ("tool", "function"):
            self.tool_results += 1
        elif role == "user":
            if text:
                self.turns += 1
                if self.last_user_text is None:
                    self.last_user_text = text
        elif role == "assistant":
            self._add_calls(message.get("tool_calls"))
            if message.get("function_call") is not None:
                self.tool_calls += 1
        if newest:
            self.result_last = self.tool_results > results
        if not self.latest_text:
            self.latest_text = text

    def add_system(self, content: Any) -> None:
        before = self.text_chars
        self._add_content(content)
        self.system_chars += self.text_chars - before

    def _add_content(self, content: Any, of_tool: bool = False) -> str:
        """Add the content of a message, or of a tool result in it; return its text."""
        if isinstance(content, str):
            self._add_text(content)
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
                if not of_tool:  # valid results are not nested; a nested one must not cause deep recursion
                    results.append(self._add_content(part.get("content"), of_tool=True))
            elif kind == "tool_use":
                self.tool_calls += 1
                self._add_arguments(part.get("input"))
            elif kind in _IMAGES:
                self.images += 1
            elif kind in _FILES:
                self.files += 1
            elif isinstance(text := part.get("text"), str):
                self._add_text(text)
                texts.append(text)
        if not texts and results and not self.latest_text:
            self.latest_text = "\n".join(results)
        return texts[0] if len(texts) == 1 else "\n".join(texts)

    def _add_calls(self, calls: Any) -> None:
        if not isinstance(calls, list):
            return
        self.tool_calls += len(calls)
        for call in calls[: max(self.left, 0)]:
            self.left -= 1
            function = call.get("function") if isinstance(call, dict) else None
            self._add_arguments(function.get("arguments") if isinstance(function, dict) else None)

    def _add_arguments(self, arguments: Any) -> None:
        """Add the arguments of a tool call: JSON text, or a decoded object."""
        if isinstance(arguments, str):
            self._add_text(arguments)
        elif isinstance(arguments, dict):
            for value in islice(arguments.values(), max(self.left, 0)):
                self.left -= 1
                if isinstance(value, str):
                    self._add_text(value)

    def _add_text(self, text: str) -> None:
        chars = len(text)
        self.text_chars += chars
        if text.isascii():
            self.bytes += chars
        else:
            start = text[:ENCODED_CHARS]
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
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_TOKENS:
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
    return min(max(budget, 0), _MAX_THINKING_TOKENS) / _MAX_THINKING_TOKENS
