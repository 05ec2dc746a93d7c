"""A chat request as the client sent it, in either dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Dialect = Literal["openai", "anthropic"]
"""API of a client or a provider: ``openai`` is /v1/chat/completions, ``anthropic`` is /v1/messages."""

FORWARDED_HEADERS: dict[Dialect, frozenset[str]] = {
    "openai": frozenset({"openai-beta", "openai-organization", "openai-project"}),
    "anthropic": frozenset({"anthropic-beta", "anthropic-version"}),
}
"""The client's headers that are sent to a provider of the same dialect; no others are."""
LIST_HEADERS = frozenset({"openai-beta", "anthropic-beta"})
"""Those of them that are comma-separated lists."""


class ChatRequest(NamedTuple):
    """One request."""

    dialect: Dialect  # of the client, and so of the answer
    body: dict[str, Any]  # decoded; never changed
    raw: bytes  # the same, as received
    model: str  # as the client named it: `auto`, `tier/NAME` or an arm
    stream: bool = False
    headers: Mapping[str, str] = {}  # to forward to the provider (`FORWARDED_HEADERS`), names in lower case
    session: bytes | None = None  # header `x-pointsman-session`


def requests_usage(body: Mapping[str, Any]) -> bool:
    """Return whether the client requests the usage at the end of a stream (``stream_options.include_usage``)."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def requests_thinking(body: Mapping[str, Any]) -> bool:
    """Return whether a client of Anthropic's dialect requests the model's thinking."""
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def requests_reasoning(body: Mapping[str, Any]) -> bool:
    """Return whether a client of OpenAI's dialect requests reasoning, by any of the fields that servers have for it."""
    effort, reasoning = body.get("reasoning_effort"), body.get("reasoning")
    if isinstance(reasoning, dict):
        if reasoning.get("exclude") is True or reasoning.get("enabled") is False:
            return False
        effort = reasoning.get("effort") or effort or (reasoning.get("enabled") or reasoning.get("max_tokens"))
    if effort:
        return bool(effort != "none")
    return body.get("include_reasoning") is True or body.get("enable_thinking") is True or requests_thinking(body)
