"""Finish reasons: conversion between the terms of the providers.

OpenAI: ``finish_reason`` of chat completions. Anthropic: ``stop_reason`` of messages. Bedrock: ``stopReason`` of
Converse.
"""

from __future__ import annotations

_ANTHROPIC_TO_OPENAI = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_OPENAI_TO_ANTHROPIC = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_CONVERSE_TO_ANTHROPIC = {
    "guardrail_intervened": "refusal",
    "content_filtered": "refusal",
    "malformed_model_output": "end_turn",
    "malformed_tool_use": "end_turn",
}


def openai_finish(stop_reason: str) -> str:
    """Return the ``finish_reason`` of OpenAI for Anthropic's ``stop_reason``."""
    return _ANTHROPIC_TO_OPENAI.get(stop_reason, "stop")


def anthropic_stop(finish_reason: str) -> str:
    """Return the ``stop_reason`` of Anthropic for OpenAI's ``finish_reason``."""
    return _OPENAI_TO_ANTHROPIC.get(finish_reason, "end_turn")


def anthropic_stop_from_converse(stop_reason: str) -> str:
    """Return the ``stop_reason`` of Anthropic for Bedrock's ``stopReason``; most are the same."""
    return _CONVERSE_TO_ANTHROPIC.get(stop_reason, stop_reason)


def completion_finish(finish: str | None, *, refused: bool = False, calls: bool = False) -> str | None:
    """Return the `Completion.finish_reason` for OpenAI's or Anthropic's.

    ``refused``: OpenAI's ``refusal`` was sent. ``calls``: the answer has tool calls, which many servers' reasons do not
    agree with: the content decides, except where the answer was cut off or refused.
    """
    if not finish:
        return None
    if refused or finish == "refusal":
        return "refusal"
    reason = _ANTHROPIC_TO_OPENAI.get(finish, finish)
    if reason in ("length", "content_filter", "error"):
        return reason
    if calls:
        return "tool_calls"
    return "stop" if reason in ("tool_calls", "function_call") else reason
