"""Translation of Anthropic's requests to OpenAI's.

Images and documents in a tool result are moved to the user message after it, because tool results are text in OpenAI's
dialect.

Hints are dropped, because the answer is valid without them: `HINTS`, every ``cache_control``, earlier thinking of the
model, ``is_error`` of a tool result, and names of documents. Any other field that chat completions do not support is
refused by its path.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.contracts.config.providers import MaxTokensField
from pointsman.llm.translate.anthropic_shapes import (
    REQUEST_FIELDS,
    read,
    read_answer_schema,
    read_document,
    read_tool_use,
    read_tools,
)
from pointsman.llm.translate.body_reader import field_names

HINTS = field_names("betas cache_control context_management metadata service_tier speed thinking top_k")
_SHOWN = "(in the next message)"
"""Replaces a tool result that has no text."""
_THINKING = frozenset({"thinking", "redacted_thinking"})


def anthropic_request_to_openai(body: dict[str, Any], max_tokens_field: MaxTokensField) -> dict[str, Any]:
    """Translate a request, whose ``model`` stays as it is, or raise `Untranslatable`.

    The bound on the answer has the name ``max_tokens_field`` at this provider.
    """
    read.only(body, REQUEST_FIELDS)
    messages = _system(body.get("system"))
    for message, where in read.objects(body.get("messages"), "messages"):
        role = read.word(message, "role", where)
        if role == "assistant":
            messages += _assistant(message, where)
        elif role == "user":
            messages += _user(message, where)
        else:
            read.refuse(f"{where}.role", "expected user or assistant")
    sent: dict[str, Any] = {"model": body.get("model"), "messages": messages}
    if body.get("max_tokens") is not None:
        sent[max_tokens_field] = body["max_tokens"]
    for name in ("stream", "temperature", "top_p"):
        if body.get(name) is not None:
            sent[name] = body[name]
    if body.get("stop_sequences"):
        sent["stop"] = body["stop_sequences"]
    _tools(body, sent)
    schema = read_answer_schema(body, "output_config.format.type")
    if schema is not None:
        json_schema = {"name": "answer", "schema": schema, "strict": True}
        sent["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    return sent


def _system(system: Any) -> list[dict[str, Any]]:
    if isinstance(system, str) or system is None:
        return [{"role": "system", "content": system}] if system else []
    # One string, because many servers accept nothing else here.
    texts = [_text(block, where) for block, where in read.objects(system, "system")]
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _text(block: dict[str, Any], where: str) -> str:
    kind = read.word(block, "type", where)
    if kind != "text":
        read.refuse_word(kind, f"{where}.type")
    return read.text(block.get("text"), f"{where}.text")


def _user(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the tool results, each as a message, and the rest of the user's message."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results, parts = [], []
    for block, at in read.objects(content, f"{where}.content"):
        kind = read.word(block, "type", at)
        if kind == "tool_result":
            result, shown = _tool_result(block, at)
            results.append(result)
            parts += shown
        else:
            parts.append(_part(block, at))
    if not parts:
        return results
    only_text = len(parts) == 1 and parts[0]["type"] == "text"
    return [*results, {"role": "user", "content": parts[0]["text"] if only_text else parts}]


def _part(block: dict[str, Any], where: str) -> dict[str, Any]:
    kind = read.word(block, "type", where)
    if kind == "image":
        return _image(block, where)
    if kind == "document":
        is_pdf, data = read_document(block, where)
        if is_pdf:
            url = f"data:application/pdf;base64,{data}"
            return {"type": "file", "file": {"filename": "document.pdf", "file_data": url}}
        return {"type": "text", "text": data}
    return {"type": "text", "text": _text(block, where)}


def _tool_result(block: dict[str, Any], where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the result as a message, which can hold only text, and its other parts for the user's message after it."""
    content, shown = block.get("content"), []
    if isinstance(content, list):
        parts = [_part(part, at) for part, at in read.objects(content, f"{where}.content")]
        shown = [part for part in parts if part["type"] != "text"]
        content = "\n\n".join(part["text"] for part in parts if part["type"] == "text") or (_SHOWN if shown else "")
    text = "" if content is None else read.text(content, f"{where}.content")
    message = {
        "role": "tool",
        "tool_call_id": read.text(block.get("tool_use_id"), f"{where}.tool_use_id"),
        "content": text,
    }
    return message, shown


def _image(block: dict[str, Any], where: str) -> dict[str, Any]:
    source = read.object(block.get("source"), f"{where}.source")
    if source.get("type") == "base64":
        media_type = read.text(source.get("media_type"), f"{where}.source.media_type")
        url = f"data:{media_type};base64,{read.text(source.get('data'), f'{where}.source.data')}"
    elif source.get("type") == "url":
        url = read.text(source.get("url"), f"{where}.source.url")
    else:
        read.refuse(f"{where}.source.type", "this model's provider takes images as base64 or url")
    return {"type": "image_url", "image_url": {"url": url}}


def _assistant(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"role": "assistant", "content": content}]
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block, at in read.objects(content, f"{where}.content"):
        kind = read.word(block, "type", at)
        if kind == "text":
            texts.append(_text(block, at))
        elif kind == "tool_use":
            call_id, name, given = read_tool_use(block, at)
            function = {"name": name, "arguments": msgspec.json.encode(given).decode()}
            calls.append({"id": call_id, "type": "function", "function": function})
        elif kind not in _THINKING:
            read.refuse_word(kind, f"{at}.type")
    if not texts and not calls:
        return []
    sent: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    return [{**sent, "tool_calls": calls}] if calls else [sent]


def _tools(body: dict[str, Any], sent: dict[str, Any]) -> None:
    tools = []
    for tool in read_tools(body):
        function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema}
        if tool.description:
            function["description"] = tool.description
        tools.append({"type": "function", "function": function})
    if not tools:
        return
    sent["tools"] = tools
    if body.get("tool_choice") is None:
        return
    choice = read.object(body["tool_choice"], "tool_choice")
    words = {"auto": "auto", "any": "required", "none": "none"}
    kind = read.word(choice, "type", "tool_choice")
    if kind == "tool":
        name = read.text(choice.get("name"), "tool_choice.name")
        sent["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in words:
        sent["tool_choice"] = words[kind]
    else:
        read.refuse("tool_choice.type", "expected auto, any, none or tool")
    if choice.get("disable_parallel_tool_use") is True:
        sent["parallel_tool_calls"] = False
