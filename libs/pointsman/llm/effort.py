"""Efforts: how much a model reasons before it answers, written after the name of the model: ``gpt-5@high``.

Everywhere the name with the effort simply is the model of an arm, so that it is chosen and learned apart from the same
model with another effort. Only what calls a provider, and what prices an answer, separate the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort that a provider has, ascending; each provider and model has some of them."""

_MIN_SIMILARITY = 0.7
_FIELDS = ("reasoning_effort", "thinking", "thinking_budget", "enable_thinking")
_NESTED_FIELDS = {
    "reasoning": ("effort", "max_tokens", "enabled"),
    "chat_template_kwargs": ("reasoning_effort", "enable_thinking", "thinking"),
    "output_config": ("effort",),
}


def split_effort(model: str) -> tuple[str, str | None]:
    """Return the name of a model and its effort; None where the text after the last ``@`` is none of `EFFORTS`.

    Names of models contain an ``@`` themselves: versions, as ``claude-sonnet-4@20250514``, and digests.
    """
    name, _, effort = model.rpartition("@")
    return (name, effort) if name and effort in EFFORTS else (model, None)


def intended_effort(model: str) -> str | None:
    """Return the effort that the end of a model's name resembles, such as ``high`` for ``gpt-5@hihg``, or None."""
    name, _, end = model.rpartition("@")
    if not name or end in EFFORTS:
        return None
    return next(iter(get_close_matches(end.lower(), EFFORTS, 1, _MIN_SIMILARITY)), None)


def without_client_effort(body: Mapping[str, Any], effort: str) -> tuple[dict[str, Any], list[str]]:
    """Return a request without the fields that set an effort in any dialect, and their paths.

    A field that requests the same effort by name is removed and not in the list.
    """
    sent, paths = dict(body), []
    for name in _FIELDS:
        value = sent.pop(name, None)
        if value not in (None, effort):
            paths.append(name)
    for name, inner in _NESTED_FIELDS.items():
        value = sent.get(name)
        if isinstance(value, dict) and not value.keys().isdisjoint(inner):
            paths += [f"{name}.{key}" for key in inner if value.get(key) not in (None, effort)]
            kept = {key: given for key, given in value.items() if key not in inner}
            sent = {**sent, name: kept} if kept else {key: given for key, given in sent.items() if key != name}
    return sent, paths
