"""Why answers end: the providers' words in each other's.

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
    """Return Anthropic's ``stop_reason`` as a ``finish_reason`` that OpenAI's clients know."""
    return _ANTHROPIC_TO_OPENAI.get(stop_reason, "stop")


def anthropic_stop(finish_reason: str) -> str:
    """Return OpenAI's ``finish_reason`` as a ``stop_reason`` that Anthropic's clients know."""
    return _OPENAI_TO_ANTHROPIC.get(finish_reason, "end_turn")


def anthropic_stop_of_converse(stop_reason: str) -> str:
    """Return Bedrock's ``stopReason`` as Anthropic's ``stop_reason``; most words are the same."""
    return _CONVERSE_TO_ANTHROPIC.get(stop_reason, stop_reason)


def normalised(finish: str | None, *, refused: bool = False) -> str | None:
    """Return why an answer ended as `Completion.finish_reason` says it: OpenAI's words, and ``refusal``.

    Parameters
    ----------
    finish : str, optional
        In OpenAI's or Anthropic's words.
    refused : bool
        Whether the model said in words of its own that it refuses (OpenAI's ``refusal`` text).
    """
    if finish is None:
        return None
    if refused or finish == "refusal":
        return "refusal"
    return "tool_calls" if finish == "function_call" else _ANTHROPIC_TO_OPENAI.get(finish, finish)
