"""Finish reasons: OpenAI's ``finish_reason``, Anthropic's ``stop_reason``, Bedrock's ``stopReason``.

The content decides where a reason contradicts it: clients of agents go by the reason alone, and many servers send
``stop`` with a tool call, or ``tool_calls`` without one.
"""

from __future__ import annotations

FAILED_MIDWAY = "error"
"""Reason of a model that failed after it had begun, as OpenRouter sends it."""

_REASONS = {
    # Anthropic
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    # OpenAI's predecessor of tool calls, and words of compatible servers
    "function_call": "tool_calls",
    "max_output_tokens": "length",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "insufficient_system_resource": FAILED_MIDWAY,
    "network_error": FAILED_MIDWAY,
    # Converse
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "stop",
    "malformed_tool_use": "stop",
}
_TO_ANTHROPIC = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal", "refusal": "refusal"}
_FINAL = frozenset({"length", "content_filter", "refusal", FAILED_MIDWAY})
"""Reasons that no content contradicts."""
_EXACT = {"stop_sequence": "stop", "pause_turn": "stop", "model_context_window_exceeded": "length"}
"""Reasons of Anthropic that OpenAI has no word for."""


def read_reason(reason: str) -> str:
    """Return a provider's reason in OpenAI's terms, or ``refusal``; an unknown one is returned unchanged."""
    return _REASONS.get(reason) or _REASONS.get(reason.lower(), reason)


def exact_reason(reason: str) -> str:
    """Return a provider's reason if it is one of Anthropic's that is more exact than OpenAI's; otherwise empty."""
    return reason if reason in _EXACT else ""


def agreed_reason(reason: str, *, calls: bool, refused: bool = False) -> str:
    """Return the reason that agrees with the content: whether it has tool calls, or a refusal."""
    if refused and reason not in ("length", FAILED_MIDWAY):
        return "refusal"
    if reason in _FINAL:
        return reason
    if calls:
        return "tool_calls"
    return "stop" if reason == "tool_calls" else reason


def openai_reason(reason: str) -> str:
    """Return the ``finish_reason`` for a client; OpenAI has no reason for a refusal."""
    if reason == "refusal":
        return "content_filter"
    return reason if reason in ("stop", "length", "tool_calls", "content_filter") else "stop"


def anthropic_reason(reason: str, exact: str) -> str:
    """Return the ``stop_reason`` for a client."""
    if exact and _EXACT.get(exact) == reason:
        return exact
    return _TO_ANTHROPIC.get(reason, "end_turn")
