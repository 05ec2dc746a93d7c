"""Writer of Anthropic's messages.

``temperature`` is limited to 1, Anthropic's maximum. With a temperature, ``top_p`` is left out, because newer Claude
models refuse both together.

Reference: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

from typing import Any

from pointsman.llm.conversation.form import (
    Block,
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
    field_name,
)
from pointsman.llm.conversation.settle import (
    ToolNames,
    object_schema,
    settle,
    system_prompt,
    tools_as_text,
    uses_tools,
)
from pointsman.llm.conversation.target import RequestTarget

JSON_ONLY = "Answer with one JSON object and nothing else."


def write_anthropic(conversation: RequestForm, target: RequestTarget) -> Written:
    """Write a request for Anthropic's messages."""
    options, adapted, names = conversation.options, list(conversation.left_out), ToolNames(target.max_name_chars)
    system, turns = system_prompt(conversation.turns)
    if not conversation.tools and uses_tools(turns):
        turns = tools_as_text(turns)
    sent: dict[str, Any] = {
        "model": conversation.model,
        "max_tokens": target.default_max_tokens if options.max_tokens is None else options.max_tokens,
        "messages": [_message(turn, names) for turn in settle(turns, target)],
    }
    blocks = [_marked({"type": "text", "text": text.text}, text) for text in system]
    if options.json:
        adapted.append(field_name(conversation, "json"))
        blocks.append({"type": "text", "text": JSON_ONLY})
    if blocks:
        sent["system"] = blocks
    for name in ("stream", "top_k", "thinking"):
        if getattr(options, name) is not None:
            sent[name] = getattr(options, name)
    _sampling(conversation, sent, adapted)
    if options.stop:
        sent["stop_sequences"] = options.stop
    _tools(conversation, sent, names)
    if options.schema is not None:
        sent["output_config"] = {"format": {"type": "json_schema", "schema": options.schema}}
    return Written(body=sent, adapted=tuple(adapted), tool_names=names.changed)


def _sampling(conversation: RequestForm, sent: dict[str, Any], adapted: list[str]) -> None:
    temperature = conversation.options.temperature
    if isinstance(temperature, int | float):
        sent["temperature"] = min(temperature, 1)
        if temperature > 1:
            adapted.append("temperature")
        if conversation.options.top_p is not None:
            adapted.append("top_p")
    elif conversation.options.top_p is not None:
        sent["top_p"] = conversation.options.top_p


def _message(turn: Turn, names: ToolNames) -> dict[str, Any]:
    return {"role": turn.role, "content": [_block(block, names) for block in turn.blocks]}


def _block(block: Block, names: ToolNames) -> dict[str, Any]:
    if isinstance(block, ToolUse):
        use = {"type": "tool_use", "id": block.id, "name": names.sent(block.name), "input": block.input}
        return _marked(use, block)
    if isinstance(block, ToolResult):
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": block.id}
        content = [_part(part) for part in block.content if not (isinstance(part, Text) and not part.text.strip())]
        if content:
            result["content"] = content
        if block.is_error:
            result["is_error"] = True
        return _marked(result, block)
    if isinstance(block, Thinking):
        if block.redacted:
            return {"type": "redacted_thinking", "data": block.redacted}
        return {"type": "thinking", "thinking": block.text, "signature": block.signature}
    return _part(block)


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return _marked({"type": "text", "text": part.text}, part)
    if isinstance(part, Image):
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
        return _marked({"type": "image", "source": {"type": "url", "url": part.url} if part.url else source}, part)
    if part.url:
        source = {"type": "url", "url": part.url}
    elif part.text:
        source = {"type": "text", "media_type": "text/plain", "data": part.text}
    else:
        source = {"type": "base64", "media_type": "application/pdf", "data": part.data}
    return _marked({"type": "document", "source": source}, part)


def _marked(shape: dict[str, Any], block: Text | Image | Document | ToolUse | ToolResult) -> dict[str, Any]:
    if block.cache is not None:
        ttl = {"ttl": block.cache.ttl} if block.cache.ttl else {}
        shape["cache_control"] = {"type": "ephemeral", **ttl}
    return shape


def _tools(conversation: RequestForm, sent: dict[str, Any], names: ToolNames) -> None:
    tools = []
    for tool in conversation.tools:
        shape: dict[str, Any] = {"name": names.sent(tool.name), "input_schema": object_schema(tool.schema)}
        if tool.description:
            shape["description"] = tool.description
        if tool.cache is not None:
            shape["cache_control"] = {"type": "ephemeral", **({"ttl": tool.cache.ttl} if tool.cache.ttl else {})}
        tools.append(shape)
    if not tools:
        return
    sent["tools"] = tools
    choice = conversation.options.choice
    shown: dict[str, Any] | None = None
    if choice is not None:
        shown = {"type": choice.kind, **({"name": names.sent(choice.name)} if choice.name else {})}
    if conversation.options.parallel is False and (choice is None or choice.kind != "none"):
        shown = {**(shown or {"type": "auto"}), "disable_parallel_tool_use": True}
    if shown is not None:
        sent["tool_choice"] = shown
