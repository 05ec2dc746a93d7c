"""Answer of a mock model, independent of the format of an API."""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import msgspec

from pointsman.cli.devtools.mock_provider.behaviour import RequestPlan

REFUSAL = "I'm sorry, but I can't help with that."
CHARS_PER_TOKEN = 4
REASONING_TOKENS = {"minimal": 8, "low": 32, "medium": 128, "high": 512, "xhigh": 1024, "max": 2048}

_TEXT = (
    "the signal shows a clear line and every train takes the track that serves it best while points move quietly "
    "between stations so that nothing waits longer than it must before the evening express arrives"
)
_WORDS = tuple(_TEXT.split())
_BY_TYPE: dict[str, Any] = {
    "string": "mock",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


class MockReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a mock model.

    Attributes
    ----------
    chunks: Pieces of the text, one for each chunk of a stream.
    tool: A tool call in place of a text.
    reasoning_tokens: Those of ``output_tokens`` that are not in the answer.
    """

    number: int
    chunks: list[str]
    tool: tuple[str, str] | None
    finish: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int = 0

    @property
    def text(self) -> str:
        """The complete text."""
        return "".join(self.chunks)


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in a request."""

    name: str
    schema: dict[str, Any]


def make_reply(
    plan: RequestPlan,
    number: int,
    text: str,
    tool: OfferedTool | None,
    prompt_chars: int,
    cached_chars: int,
    max_tokens: int | None,
    effort: str | None = None,
) -> MockReply:
    """Return the answer to a request, whose last message is ``text``; equal for equal requests.

    ``prompt_chars`` is the length of all messages, ``cached_chars`` that of the prefix seen before; the answer is
    truncated after ``max_tokens`` words. With an ``effort`` the model reasons for a fixed number of tokens.
    """
    finish = "stop"
    if plan.bad == "empty":
        words: list[str] = []
    elif plan.bad == "refusal":
        words = REFUSAL.split()
    else:
        start = hashlib.sha256(text.encode()).digest()[0]
        words = [_WORDS[(start + at) % len(_WORDS)] for at in range(plan.words)]
        if plan.bad == "truncated":
            words, finish = words[: max(1, len(words) // 2)], "length"
    call = None
    if tool is not None and not plan.bad:
        call = tool.name, msgspec.json.encode(_arguments(tool.schema)).decode()
        words, finish = [], "tool_calls"
    if max_tokens is not None and len(words) > max_tokens:
        words, finish = words[:max_tokens], "length"
    reasoning_tokens = REASONING_TOKENS.get(effort or "none", 0)
    return MockReply(
        number=number,
        chunks=[word if at == 0 else f" {word}" for at, word in enumerate(words)],
        tool=call,
        finish=finish,
        input_tokens=math.ceil(prompt_chars / CHARS_PER_TOKEN),
        cached_tokens=cached_chars // CHARS_PER_TOKEN,
        output_tokens=len(words) + (len(call[1]) // CHARS_PER_TOKEN + 1 if call else 0) + reasoning_tokens,
        reasoning_tokens=reasoning_tokens,
    )


def texts_of(content: Any) -> Iterable[str]:
    """Yield the texts of a message's content, in either format."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
            elif isinstance(part, dict) and part.get("type") == "tool_result":
                yield from texts_of(part.get("content"))


def _arguments(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {name: _value(properties.get(name)) for name in required if isinstance(name, str)}


def _value(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return None
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type")
    return _arguments(schema) if kind == "object" else _BY_TYPE.get(kind if isinstance(kind, str) else "string")
