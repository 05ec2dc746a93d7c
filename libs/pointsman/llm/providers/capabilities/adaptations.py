"""Changes of a request for a model that lacks a feature, in the format that is sent to the provider.

Each returns the changed body, or None where the request does not use the feature. Nothing is changed in place, because
the body shares its parts with the client's request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Body = dict[str, Any]

_MODEL_FIELDS = "additionalModelRequestFields"  # of Bedrock's Converse
_THINKING_BLOCKS = frozenset({"thinking", "redacted_thinking"})
_THINKING_KEYS = ("reasoning_content", "reasoning_details", "thinking_blocks", "reasoning")
HINTS = (
    "prompt_cache_retention",
    "prediction",
    "include_reasoning",
    "repetition_penalty",
    "min_p",
    "top_a",
    "transforms",
    "route",
    "plugins",
    "chat_template_kwargs",
    "thinking_budget",
    "enable_thinking",
    "keep_alive",
    "cache_prompt",
    "inference_geo",
    "diagnostics",
)
"""Further fields without which an answer is still an answer."""
_FIELDS = (
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "verbosity",
    "store",
    "metadata",
    "user",
    "service_tier",
    "prompt_cache_key",
    "safety_identifier",
    "context_management",
)
_PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "temperature": (("inferenceConfig", "temperature"),),
    "top_p": (("inferenceConfig", "topP"),),
    "parallel_tool_calls": (("parallel_tool_calls",), ("tool_choice", "disable_parallel_tool_use")),
    "reasoning_effort": (
        ("reasoning_effort",),
        ("reasoning", "effort"),
        ("output_config", "effort"),
        (_MODEL_FIELDS, "output_config"),
        (_MODEL_FIELDS, "reasoning_effort"),
    ),
    "service_tier": (("speed",),),
}


def _without(body: Body, path: tuple[str, ...]) -> Body | None:
    """Return a body without the field at a path, and without an object that is empty then; None when it is not set."""
    name, rest = path[0], path[1:]
    if name not in body:
        return None
    kept = {key: value for key, value in body.items() if key != name}
    if not rest:
        return kept
    inner = _without(body[name], rest) if isinstance(body[name], dict) else None
    if inner is None:
        return None
    return {**body, name: inner} if inner else kept


def _drop(*paths: tuple[str, ...]) -> Callable[[Body], Body | None]:
    def adapt(body: Body) -> Body | None:
        changed = body
        for path in paths:
            without = _without(changed, path)
            changed = changed if without is None else without
        return None if changed is body else changed

    return adapt


def _rename(old: str, new: str) -> Callable[[Body], Body | None]:
    def adapt(body: Body) -> Body | None:
        if body.get(old) is None:
            return None
        return {**{name: value for name, value in body.items() if name != old}, new: body.get(new) or body[old]}

    return adapt


def _messages(body: Body, change: Callable[[Any], Any]) -> Body | None:
    """Return a body with each message changed; None is for messages to leave out. None when all stay as they are."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    changed = [change(message) if isinstance(message, dict) else message for message in messages]
    if all(new is old for new, old in zip(changed, messages, strict=True)):
        return None
    return {**body, "messages": [message for message in changed if message is not None]}


def _developer_to_system(body: Body) -> Body | None:
    return _messages(body, lambda turn: {**turn, "role": "system"} if turn.get("role") == "developer" else turn)


def _system_to_user(body: Body) -> Body | None:
    """Put the system messages of OpenAI's dialect in front of the first message of the user."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    system = [turn for turn in messages if isinstance(turn, dict) and turn.get("role") in ("system", "developer")]
    others = [turn for turn in messages if turn not in system]
    if not system or not all(isinstance(turn.get("content"), str) for turn in system):
        return None
    text = "\n\n".join(turn["content"] for turn in system)
    at = next((at for at, turn in enumerate(others) if isinstance(turn, dict) and turn.get("role") == "user"), None)
    first = others[at] if at is not None else None
    if first is not None and isinstance(first.get("content"), str):
        others[at or 0] = {**first, "content": f"{text}\n\n{first['content']}"}
    elif first is not None and isinstance(first.get("content"), list):
        others[at or 0] = {**first, "content": [{"type": "text", "text": text}, *first["content"]]}
    else:
        others = [{"role": "user", "content": text}, *others]
    return {**body, "messages": others}


def _text_content(turn: Body) -> Body:
    parts = turn.get("content")
    if not isinstance(parts, list) or not all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
        return turn
    return {**turn, "content": "\n\n".join(str(part["text"]) for part in parts if part.get("text"))}


def _filled_content(turn: Body) -> Body:
    return {**turn, "content": ""} if turn.get("content", "") is None else turn


def _without_thought(turn: Body) -> Body | None:
    """Return a message without the thinking in it; None when it has nothing else."""
    if not any(name in turn for name in _THINKING_KEYS) and not isinstance(turn.get("content"), list):
        return turn
    kept = {name: value for name, value in turn.items() if name not in _THINKING_KEYS}
    content = turn.get("content")
    if isinstance(content, list):
        blocks = [block for block in content if not _is_thought(block)]
        if not blocks and content:
            return None
        if len(blocks) < len(content):
            kept["content"] = blocks
    return turn if kept == turn else kept


def _is_thought(block: Any) -> bool:
    return isinstance(block, dict) and (block.get("type") in _THINKING_BLOCKS or "reasoningContent" in block)


def _thinking_off(body: Body) -> Body | None:
    """Remove the thinking of former turns, which is another model's or incomplete, and think no further."""
    changed = _messages(body, _without_thought) or body
    fields = changed.get(_MODEL_FIELDS)
    if isinstance(fields, dict) and "thinking" in fields:
        changed = _drop((_MODEL_FIELDS, "thinking"))(changed) or changed
    if _thinks(changed.get("thinking")):
        changed = {**_without_clearing(changed), "thinking": {"type": "disabled"}}
    return None if changed is body else changed


def _thinks(thinking: Any) -> bool:
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _without_thinking(body: Body) -> Body | None:
    changed = _drop(("thinking",), ("enable_thinking",), (_MODEL_FIELDS, "thinking"), ("reasoning",))(body)
    return None if changed is None else _without_clearing(changed)


def _without_clearing(body: Body) -> Body:
    """Return a body that does not clear thinking, which Anthropic refuses for a model that does not think."""
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if not isinstance(management, dict) or not isinstance(edits, list):
        return body
    kept = [edit for edit in edits if not (isinstance(edit, dict) and "thinking" in str(edit.get("type")))]
    return body if len(kept) == len(edits) else {**body, "context_management": {**management, "edits": kept}}


def _without_keys(value: Any, names: frozenset[str]) -> Any:
    """Return a value without keys at any depth, and without objects of lists that have nothing else."""
    if isinstance(value, dict):
        changed = {key: _without_keys(inner, names) for key, inner in value.items() if key not in names}
        same = changed.keys() == value.keys() and all(changed[key] is value[key] for key in value)
        return value if same else changed
    if isinstance(value, list):
        items = [_without_keys(item, names) for item in value if not (isinstance(item, dict) and set(item) == names)]
        same = len(items) == len(value) and all(new is old for new, old in zip(items, value, strict=True))
        return value if same else items
    return value


def _drop_deep(fields: Iterable[str], *names: str) -> Callable[[Body], Body | None]:
    def adapt(body: Body) -> Body | None:
        changed = dict(body)
        for field in fields:
            if field in changed:
                for name in names:
                    changed[field] = _without_keys(changed[field], frozenset({name}))
        for name in names:
            changed.pop(name, None)
        same = changed.keys() == body.keys() and all(changed[key] is body[key] for key in body)
        return None if same else changed

    return adapt


ADAPTATIONS: dict[str, tuple[Callable[[Body], Body | None], str]] = {
    **{name: (_drop((name,), (_MODEL_FIELDS, name), *_PATHS.get(name, ())), name) for name in (*_FIELDS, *HINTS)},
    **{name: (_drop(*_PATHS[name]), name) for name in ("parallel_tool_calls", "reasoning_effort")},
    "max_tokens": (_rename("max_tokens", "max_completion_tokens"), "max_tokens->max_completion_tokens"),
    "max_completion_tokens": (_rename("max_completion_tokens", "max_tokens"), "max_completion_tokens->max_tokens"),
    "thinking": (_without_thinking, "thinking"),
    "thinking_history": (_thinking_off, "thinking"),
    "developer": (_developer_to_system, "developer->system"),
    "system": (_system_to_user, "system->user"),
    "list_content": (lambda body: _messages(body, _text_content), "content"),
    "null_content": (lambda body: _messages(body, _filled_content), "content"),
    "cache_control": (
        _drop_deep(("system", "messages", "tools", "toolConfig"), "cache_control", "cachePoint"),
        "cache_control",
    ),
    "strict": (_drop_deep(("tools", "response_format"), "strict"), "strict"),
}
"""By feature: the change, and its name for the client."""
NOT_OF_THE_MODEL = frozenset({"thinking_history"})
"""Adaptations that a conversation needs rather than a model, so that they are not remembered."""
OF_EFFORT = frozenset({"reasoning_effort", "thinking"})
"""Adaptations that do not apply to an arm with an effort: the gateway has put it into the request."""
