"""Requests that the real APIs refuse because of an effort, with their texts.

Which models refuse what is known from the models' names. The list is independent of the gateway's own, so that a test
against the mock shows what the gateway has wrong.
"""

import re
from collections.abc import Iterator
from typing import Any

_OPENAI_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_REASONING_MODEL = re.compile(r"gpt-5|o\d")
_NO_TOOLS_WITH_EFFORT = re.compile(r"gpt-5\.[4-9]")
_ONLY_DEFAULTS = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}

_CLAUDE_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_BUDGET_MODEL = re.compile(r"claude-3-7|claude-(opus|sonnet|haiku)-4(-[015])?(-\d{8})?$")
_ADAPTIVE_ONLY = re.compile(r"claude-opus-4-[789]|claude-[a-z]+-[5-9]")
_ALWAYS_THINKING = re.compile(r"claude-(fable|mythos)|claude-[a-z]+-5-5")
_MIN_BUDGET = 1024
_MIN_TOP_P = 0.95


def openai_refusals(body: dict[str, Any]) -> Iterator[str]:
    """Yield why OpenAI refuses a request. Only its own models refuse other fields with an effort."""
    effort, model = body.get("reasoning_effort"), str(body["model"])
    if effort is None:
        return
    if effort not in _OPENAI_EFFORTS:
        supported = ", ".join(f"'{name}'" for name in _OPENAI_EFFORTS)
        yield f"Invalid value: '{effort}'. Supported values are: {supported}."
    if effort == "none" or not _REASONING_MODEL.match(model):
        return
    if body.get("tools") and _NO_TOOLS_WITH_EFFORT.match(model):
        yield f"Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions."
    if body.get("max_tokens") is not None:
        yield "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    for name, default in _ONLY_DEFAULTS.items():
        if body.get(name) not in (None, default):
            yield f"Unsupported parameter: '{name}' is not supported with this model."


def anthropic_refusals(body: dict[str, Any]) -> Iterator[str]:
    """Yield why Anthropic refuses a request."""
    model, thinking = str(body["model"]), body.get("thinking") or {}
    effort, kind = (body.get("output_config") or {}).get("effort"), thinking.get("type")
    if effort is not None and (_BUDGET_MODEL.search(model) or effort not in _CLAUDE_EFFORTS):
        yield f"output_config.effort: {effort!r} is not supported on this model"
    if kind == "disabled" and _ALWAYS_THINKING.search(model):
        yield "thinking.type: 'disabled' is not supported for this model"
    if kind not in ("adaptive", "enabled"):
        return
    if body.get("temperature") not in (None, 1):
        yield "`temperature` may only be set to 1 when thinking is enabled."
    if body.get("top_k") is not None or (body.get("top_p") or 1) < _MIN_TOP_P:
        yield "`top_k`, and `top_p` below 0.95, must be unset when thinking is enabled."
    if kind == "enabled":
        yield from _budget_refusals(body, model, thinking.get("budget_tokens"))
    elif _BUDGET_MODEL.search(model):
        yield "adaptive thinking is not supported on this model"


def _budget_refusals(body: dict[str, Any], model: str, budget: Any) -> Iterator[str]:
    if _ADAPTIVE_ONLY.search(model):
        yield "thinking.type: 'enabled' is not supported for this model. Use 'adaptive'."
    if not isinstance(budget, int) or budget < _MIN_BUDGET:
        yield f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_MIN_BUDGET}"
    if budget >= body["max_tokens"]:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if body["messages"][-1]["role"] == "assistant":
        yield "the final assistant message must start with a thinking block"
    answers = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
    kinds = [block["type"] for block in answers[-1]] if answers and isinstance(answers[-1], list) else []
    if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
        yield "Expected `thinking` or `redacted_thinking`, but found `tool_use`."
