"""Effort of Claude models, in Anthropic's messages and on Bedrock.

From version 4.6 on, ``output_config.effort`` with adaptive thinking; before, a budget of thinking tokens, with which
Anthropic refuses some requests. For these the model does not think.

Reference: https://platform.claude.com/docs/en/build-with-claude/effort and
https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
"""

from __future__ import annotations

import re
from typing import Any

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.llm.providers.efforts.effort import AdaptedBody, Effort, require, without
from pointsman.llm.request import ChatRequest

BUDGETS = {"low": 1024, "medium": 8192, "high": 24_576}
"""Thinking tokens by effort, as Gemini's compatible API has them; 1,024 is Anthropic's minimum."""
_LARGEST_BUDGET = 32_768
MIN_ANSWER_TOKENS = 4096
"""Part of ``max_tokens`` that is left for the answer next to a budget, unless the client sets a lower bound."""

_VERSION = re.compile(r"claude-(?:[a-z]+-)*(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
_FIRST_WITH_THINKING, _FIRST_ADAPTIVE, _FIRST_WITH_XHIGH = (3, 7), (4, 6), (4, 7)
_FIRST_THINKING_BY_DEFAULT, _FIRST_ALWAYS_THINKING = (5, 0), (5, 5)
_ALWAYS_THINKING = ("fable", "mythos")
_NEWEST = (99, 0)
_SAMPLING = ("temperature", "top_p", "top_k")
_THINKING_BLOCKS = frozenset({"thinking", "redacted_thinking"})


class ClaudeEffort(Effort):
    """Effort of a model that decides itself how long it thinks."""

    def __init__(self, level: str, *, thinks_by_default: bool) -> None:
        super().__init__(level, {} if level == "none" else {"output_config": {"effort": level}})
        self._off = {"thinking": {"type": "disabled"}} if thinks_by_default else {}

    def adapt(self, body: dict[str, Any], request: ChatRequest) -> AdaptedBody:
        """Return the body with adaptive thinking and the effort."""
        if self.level == "none":
            return _not_thinking({**body, **self._off})
        body, dropped = without(body, _SAMPLING)
        output = body.get("output_config")
        body["output_config"] = {**(output if isinstance(output, dict) else {}), "effort": self.level}
        body["thinking"] = {"type": "adaptive"}
        if request.dialect == "openai" and not _is_bounded(request):  # it is the gateway's, for the answer alone
            body["max_tokens"] += BUDGETS.get(self.level, _LARGEST_BUDGET)
        return AdaptedBody(body, dropped)


class ClaudeBudgetEffort(Effort):
    """Effort of a model that thinks within a budget of tokens."""

    def adapt(self, body: dict[str, Any], request: ChatRequest) -> AdaptedBody:
        """Return the body with a budget; without thinking where Anthropic would refuse it."""
        if self.level == "none" or _refuses_thinking(body):
            body, dropped = _not_thinking(body)
            return AdaptedBody(body, dropped if self.level == "none" else (*dropped, f"@{self.level}"))
        body, dropped = without(body, _SAMPLING)
        budget, bound = BUDGETS[self.level], body.get("max_tokens")
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        if isinstance(bound, int):
            body["max_tokens"] = max(bound, budget + min(bound, MIN_ANSWER_TOKENS))
        return AdaptedBody(body, dropped)


def claude_effort(_: ProviderConfig, names: tuple[str, ...], level: str) -> Effort:
    """Return an effort of a Claude model, or raise `EffortNotAvailable`; ``names`` are those that it is known by.

    A model of another vendor with Anthropic's API has a budget, the form that is older and more widely supported.
    """
    name = next((name for name in names if is_claude(name)), names[0])
    version = _version(name)
    if version < _FIRST_WITH_THINKING:
        require(level, (), name)
    if version < _FIRST_ADAPTIVE or not is_claude(name):
        require(level, ("none", *BUDGETS), name)
        return ClaudeBudgetEffort(level)
    available = {"low", "medium", "high", "max"}
    if version >= _FIRST_WITH_XHIGH:
        available.add("xhigh")
    if version < _FIRST_ALWAYS_THINKING and not any(family in name for family in _ALWAYS_THINKING):
        available.add("none")
    require(level, available, name)
    return ClaudeEffort(level, thinks_by_default=version >= _FIRST_THINKING_BY_DEFAULT)


def is_claude(name: str) -> bool:
    """Return whether a name is that of a Claude model."""
    return "claude" in name or "anthropic." in name


def _version(name: str) -> tuple[int, int]:
    """Return the version in the name of a model; a name without one is that of a new model."""
    found = _VERSION.search(name.replace(".", "-").replace("_", "-"))
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def _is_bounded(request: ChatRequest) -> bool:
    return any(request.body.get(name) is not None for name in ("max_tokens", "max_completion_tokens"))


def _refuses_thinking(body: dict[str, Any]) -> bool:
    """Return whether Anthropic refuses a request with a thinking budget.

    It does for a tool that the model must call, for an answer that the client begins, and for the result of a tool
    that the model called without thinking.
    """
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        return True
    messages = body.get("messages")
    turns = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    if turns and turns[-1].get("role") == "assistant":
        return True
    last = next((message.get("content") for message in reversed(turns) if message.get("role") == "assistant"), None)
    kinds = [block.get("type") for block in last if isinstance(block, dict)] if isinstance(last, list) else []
    return "tool_use" in kinds and kinds[0] not in _THINKING_BLOCKS


def _not_thinking(body: dict[str, Any]) -> AdaptedBody:
    management = body.get("context_management")
    if not isinstance(management, dict) or not isinstance(management.get("edits"), list):
        return AdaptedBody(body)
    edits = management["edits"]
    # Anthropic refuses to clear the thinking of a model that does not think.
    kept = [edit for edit in edits if not (isinstance(edit, dict) and "thinking" in str(edit.get("type")))]
    if len(kept) == len(edits):
        return AdaptedBody(body)
    return AdaptedBody({**body, "context_management": {**management, "edits": kept}}, ("context_management",))
