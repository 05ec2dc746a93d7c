"""The features that a request needs and that no change of it can replace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.core.features import view_request
from pointsman.llm.request import ChatRequest

INPUT_LENGTH, OUTPUT_LENGTH = "input_length", "output_length"
"""Limits rather than features: a model refuses what is longer."""
MIN_REFUSED_INPUT = 1000
"""Tokens; no model has a smaller limit."""

_BLOCKS = {
    "image_url": "images",
    "image": "images",
    "input_image": "images",
    "document": "documents",
    "file": "documents",
    "input_file": "documents",
    "input_audio": "audio",
    "audio": "audio",
}
_FORMATS = {"json_schema": "json_schema", "json_object": "json_object"}
_GROUPS = {"tool_choice": ("tool_choice", "tools"), "json_schema": ("json_schema", "json_object")}
"""Where a refusal names the first, it may concern any of them: the request shows which."""


def requirements(request: ChatRequest) -> frozenset[str]:
    """Return the features that a request needs."""
    body = request.body
    found = {name for name in ("logprobs", "logit_bias") if body.get(name)}
    if body.get("tools") or body.get("functions"):
        found.add("tools")
    if _forces_tool(body.get("tool_choice")):
        found.add("tool_choice")
    if body.get("stop") or body.get("stop_sequences"):
        found.add("stop")
    count = body.get("n")
    if isinstance(count, int) and count > 1:
        found.add("n")
    found.update(_answer_formats(body))
    messages = body.get("messages")
    turns = [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    if turns and turns[-1].get("role") == "assistant":
        found.add("prefill")
    for turn in turns:
        found.update(_block_features(turn.get("content")))
    return frozenset(found)


def refused_requirement(features: tuple[str, ...], request: ChatRequest) -> str | None:
    """Return the feature of the request that a refusal concerns, by the features that it names; None for others."""
    if not features or features[0] in (INPUT_LENGTH, OUTPUT_LENGTH):
        return None
    needed = requirements(request)
    return next((name for name in _GROUPS.get(features[0], features[:1]) if name in needed), None)


def length(limit: str, request: ChatRequest) -> int | None:
    """Return how long a request is, in tokens: its input (estimated), or the answer that it allows; None without."""
    if limit == INPUT_LENGTH:
        return view_request(request.body, request.dialect).tokens
    bounds = [request.body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return next((bound for bound in bounds if isinstance(bound, int)), None)


def refused_length(limit: str, request: ChatRequest, text: str) -> int | None:
    """Return the length that a refusal with this text concerns; None where that is not certain.

    The refusal of an answer repeats the number that was requested. A prompt of fewer tokens than any model's limit was
    refused for another reason.
    """
    found = length(limit, request)
    if found is None:
        return None
    if limit == INPUT_LENGTH:
        return found if found >= MIN_REFUSED_INPUT else None
    return found if re.search(rf"(?<!\d){found}(?!\d)", text) else None


def _forces_tool(choice: Any) -> bool:
    if isinstance(choice, dict):
        return choice.get("type") not in ("auto", "none")
    return bool(choice == "required")


def _answer_formats(body: Mapping[str, Any]) -> Iterator[str]:
    output = body.get("output_config")
    formats = (
        body.get("response_format"),
        body.get("output_format"),
        output.get("format") if isinstance(output, dict) else None,
    )
    for found in formats:
        kind = found.get("type") if isinstance(found, dict) else None
        if kind in _FORMATS:
            yield _FORMATS[kind]


def _block_features(content: Any) -> Iterator[str]:
    if not isinstance(content, list):
        return
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in _BLOCKS:
            yield _BLOCKS[kind]
        elif kind == "tool_result":
            yield from _block_features(block.get("content"))
