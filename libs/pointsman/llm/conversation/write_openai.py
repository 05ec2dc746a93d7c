"""Writer of OpenAI's chat completions.

Contents are strings where a string is enough, because many servers accept nothing else. Images and documents in the
result of a tool move to the user's message after it, because results are text.

Reference: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.conversation.form import (
    Document,
    Image,
    Part,
    RequestForm,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
    Written,
)
from pointsman.llm.conversation.settle import ToolNames, settle, system_prompt
from pointsman.llm.conversation.target import RequestTarget
from pointsman.llm.providers.failure import Untranslatable

_SHOWN = "(in the next message)"
"""Replaces a tool result that has no text."""
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def write_openai(conversation: RequestForm, target: RequestTarget) -> Written:
    """Write a request for chat completions; raise `Untranslatable` for what they cannot express."""
    options, adapted, names = conversation.options, list(conversation.left_out), ToolNames(target.max_name_chars)
    system, turns = system_prompt(conversation.turns)
    messages: list[dict[str, Any]] = []
    if system:
        # One string, because many servers accept nothing else here.
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in system)})
    for turn in settle(turns, target):
        messages += _assistant(turn, names) if turn.role == "assistant" else _user(turn, conversation)
    sent: dict[str, Any] = {"model": conversation.model, "messages": messages}
    if options.max_tokens is not None:
        sent[target.max_tokens_field] = options.max_tokens
    for name in ("stream", "temperature", "top_p"):
        if getattr(options, name) is not None:
            sent[name] = getattr(options, name)
    adapted += [name for name in ("thinking", "top_k") if getattr(options, name) is not None]
    if options.stop:
        sent["stop"] = options.stop
    _tools(conversation, sent, names)
    if options.schema is not None:
        json_schema = {"name": "answer", "schema": options.schema, "strict": True}
        sent["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    elif options.json:
        sent["response_format"] = {"type": "json_object"}
    return Written(body=sent, adapted=tuple(adapted), tool_names=names.changed)


def _user(turn: Turn, conversation: RequestForm) -> list[dict[str, Any]]:
    """Return the tool results, each as a message, and the rest of the user's turn."""
    results: list[dict[str, Any]] = []
    parts: list[Part] = []
    for block in turn.blocks:
        if isinstance(block, ToolResult):
            texts = [text for part in block.content if (text := _text(part))]
            shown = [part for part in block.content if _text(part) is None]
            content = "\n\n".join(texts) or (_SHOWN if shown else "")
            results.append({"role": "tool", "tool_call_id": block.id, "content": content})
            parts += shown
        elif not isinstance(block, ToolUse | Thinking):
            parts.append(block)
    if not parts:
        return results
    all_texts = [text for part in parts if (text := _text(part)) is not None]
    if len(all_texts) == len(parts):
        return [*results, {"role": "user", "content": "\n\n".join(all_texts)}]
    return [*results, {"role": "user", "content": [_part(part, conversation) for part in parts]}]


def _text(part: Part) -> str | None:
    """Return a text, also that of a document; None for what is not text."""
    if isinstance(part, Text):
        return part.text
    return part.text or None if isinstance(part, Document) else None


def _part(part: Part, conversation: RequestForm) -> dict[str, Any]:
    text = _text(part)
    if text is not None:
        return {"type": "text", "text": text}
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.url:
        why = "this model's provider takes documents as text, or as a PDF in base64"
        raise Untranslatable(part.where, why, dialect=conversation.dialect)
    url = f"data:application/pdf;base64,{part.data}"
    return {"type": "file", "file": {"filename": part.title or "document.pdf", "file_data": url}}


def _assistant(turn: Turn, names: ToolNames) -> list[dict[str, Any]]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in turn.blocks:
        if isinstance(block, Text):
            texts.append(block.text)
        elif isinstance(block, ToolUse):
            arguments = msgspec.json.encode(block.input).decode()
            function = {"name": names.sent(block.name), "arguments": arguments}
            calls.append({"id": block.id, "type": "function", "function": function})
    if not texts and not calls:
        return []
    # An empty text next to calls: null, which OpenAI accepts too, is refused by some servers.
    sent: dict[str, Any] = {"role": "assistant", "content": "".join(texts)}
    return [{**sent, "tool_calls": calls}] if calls else [sent]


def _tools(conversation: RequestForm, sent: dict[str, Any], names: ToolNames) -> None:
    tools = []
    for tool in conversation.tools:
        schema = tool.schema or {"type": "object", "properties": {}}
        function: dict[str, Any] = {"name": names.sent(tool.name), "parameters": schema}
        if tool.description:
            function["description"] = tool.description
        tools.append({"type": "function", "function": function})
    if not tools:
        return
    sent["tools"] = tools
    choice = conversation.options.choice
    if choice is not None and choice.kind == "tool":
        sent["tool_choice"] = {"type": "function", "function": {"name": names.sent(choice.name)}}
    elif choice is not None:
        sent["tool_choice"] = _CHOICES[choice.kind]
    if conversation.options.parallel is False:
        sent["parallel_tool_calls"] = False
