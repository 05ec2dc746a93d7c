"""What is known of an answer when it has ended: usage, text length, tool calls, finish reason."""

from __future__ import annotations

import msgspec

TEXT_HEAD_CHARS = 400
"""How much of an answer's text is kept for the grader."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a call. None means unknown, which is different from 0.

    Attributes
    ----------
    input_tokens: All tokens of the prompt, including cached ones, however the provider counts.
    output_tokens: All tokens of the answer, including reasoning.
    cached_input_tokens: Those of ``input_tokens`` that were read from the provider's prompt cache.
    cache_write_tokens: Those of ``input_tokens`` that were written to it.
    estimated: Estimated from the text, not reported by the provider.
    cost_usd: What the provider reports that the call costs.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    estimated: bool = False
    cost_usd: float | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call that the model requested.

    Attributes
    ----------
    arguments: JSON as the model wrote it; encoded again where the provider returns it decoded.
    valid_json: Whether ``arguments`` is a JSON object.
    """

    name: str
    arguments: str
    valid_json: bool


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an answer at its end, or where it was cut off.

    Attributes
    ----------
    status: The provider's HTTP status.
    usage: None when the provider has not reported it (yet).
    usage_faults: Why counts that the provider reported are unknown: ``negative``, ``too_large``, ``not_integer``, or
        ``not_object`` for all of the usage.
    finish_reason: In OpenAI's terms for every provider: ``stop``, ``length``, ``tool_calls``, ``content_filter``,
        ``refusal``; an unknown reason as the provider sent it. None when the answer did not come to its end.
    text_chars: Length of the text without reasoning.
    text_head: Its first `TEXT_HEAD_CHARS` characters, for the grader only: never logged.
    model: The provider's name of the model.
    response_id: Id in the answer, as the client sees it.
    complete: Whether the provider finished the answer.
    malformed_events: Events of a stream that were not readable; they are passed on where client and provider use the
        same dialect.
    """

    status: int
    usage: Usage | None = None
    usage_faults: tuple[str, ...] = ()
    finish_reason: str | None = None
    text_chars: int = 0
    text_head: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    response_id: str | None = None
    complete: bool = False
    malformed_events: int = 0
