"""Shapes of answers in Anthropic's messages, which all translations to them share."""

from __future__ import annotations

from typing import Any


def message_shape(
    response_id: str,
    model: str,
    content: list[dict[str, Any]] | None = None,
    stop_reason: str | None = None,
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an answer; without content, the beginning of a stream, whose usage is reported at its end."""
    return {
        "id": response_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content or [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 0, "output_tokens": 0},
    }


def end_events(stop_reason: str, usage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last events of a stream."""
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def usage_shape(fresh: Any, written: Any, cached: Any, output: Any) -> dict[str, Any]:
    """Return the usage of an answer; ``fresh`` tokens of the prompt were neither written to the cache nor read."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
    }
