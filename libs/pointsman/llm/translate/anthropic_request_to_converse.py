"""Translation of Anthropic's requests to Bedrock's Converse.

Converse has one format for all models of Bedrock, with blocks that resemble Anthropic's. Fields that only Claude
supports (``top_k``, ``thinking``) are sent to Claude in ``additionalModelRequestFields`` and dropped for other models,
like `HINTS`. Any other field that Converse does not support is refused by its path.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.failure import Untranslatable
from pointsman.llm.request import Dialect
from pointsman.llm.translate.anthropic_shapes import (
    REQUEST_FIELDS,
    read,
    read_answer_schema,
    read_document,
    read_tool_use,
    read_tools,
)
from pointsman.llm.translate.body_reader import field_names

HINTS = field_names("betas cache_control context_management metadata service_tier speed")
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_OPENAI_NAMES = {
    "tool_choice.disable_parallel_tool_use": "parallel_tool_calls",
    "output_config.format": "response_format",
}


def anthropic_request_to_converse(body: dict[str, Any], model: str, dialect: Dialect = "anthropic") -> dict[str, Any]:
    """Translate a request, or raise `Untranslatable`; the model is in Converse's URL and not in its body.

    Claude's own fields are sent when ``model`` is a Claude model. Errors name the fields of the client's dialect: a
    request in OpenAI's was translated to Anthropic's first.
    """
    try:
        return _translate(body, claude="anthropic" in model or "claude" in model)
    except Untranslatable as error:
        if dialect == "anthropic":
            raise
        # Indices in `messages` differ between the dialects, so the error names the list only.
        field = "messages" if error.field.startswith("messages[") else _OPENAI_NAMES.get(error.field, error.field)
        why = error.text.removeprefix(f"{error.field}: ")
        raise Untranslatable(field, why, dialect=dialect) from error


def _translate(body: dict[str, Any], *, claude: bool) -> dict[str, Any]:
    read.only(body, REQUEST_FIELDS)
    sent: dict[str, Any] = {
        "messages": [_message(message, where) for message, where in read.objects(body.get("messages"), "messages")]
    }
    system = _system(body.get("system"))
    if system:
        sent["system"] = system
    names = {
        "max_tokens": "maxTokens",
        "temperature": "temperature",
        "top_p": "topP",
        "stop_sequences": "stopSequences",
    }
    bounds = {name: body[ours] for ours, name in names.items() if body.get(ours) not in (None, [])}
    if bounds:
        sent["inferenceConfig"] = bounds
    own = {name: body[name] for name in ("top_k", "thinking") if body.get(name) is not None}
    if own and claude:
        sent["additionalModelRequestFields"] = own
    _tools(body, sent)
    schema = read_answer_schema(body, "output_config.format")
    if schema is not None:
        structure = {"jsonSchema": {"schema": msgspec.json.encode(schema).decode(), "name": "answer"}}
        sent["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
    return sent


def _system(system: Any) -> list[dict[str, Any]]:
    if isinstance(system, str) or system is None:
        return [{"text": system}] if system else []
    blocks = []
    for block, where in read.objects(system, "system"):
        if read.word(block, "type", where) != "text":
            read.refuse(f"{where}.type", "this model's provider takes text here")
        blocks.append({"text": read.text(block.get("text"), f"{where}.text")})
        blocks += _cache_point(block)
    return blocks


def _cache_point(block: dict[str, Any]) -> list[dict[str, Any]]:
    control = block.get("cache_control")
    if not isinstance(control, dict):
        return []
    ttl = {"ttl": control["ttl"]} if control.get("ttl") else {}
    return [{"cachePoint": {"type": "default", **ttl}}]


def _message(message: dict[str, Any], where: str) -> dict[str, Any]:
    role = read.word(message, "role", where)
    if role not in ("user", "assistant"):
        read.refuse(f"{where}.role", "expected user or assistant")
    content = message.get("content")
    if isinstance(content, str):
        return {"role": role, "content": [{"text": content}]}
    blocks = []
    for block, at in read.objects(content, f"{where}.content"):
        blocks.append(_block(block, at))
        blocks += _cache_point(block)
    return {"role": role, "content": blocks}


def _block(block: dict[str, Any], where: str) -> dict[str, Any]:
    kind = read.word(block, "type", where)
    if kind == "tool_use":
        call_id, name, given = read_tool_use(block, where)
        return {"toolUse": {"toolUseId": call_id, "name": name, "input": given}}
    if kind == "tool_result":
        return {"toolResult": _tool_result(block, where)}
    if kind == "thinking":
        text = {"text": read.text(block.get("thinking"), f"{where}.thinking")}
        if block.get("signature"):
            text["signature"] = block["signature"]
        return {"reasoningContent": {"reasoningText": text}}
    if kind == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": read.text(block.get("data"), f"{where}.data")}}
    return _content(block, where)


def _content(block: dict[str, Any], where: str) -> dict[str, Any]:
    """Translate a block that both messages and tool results may hold."""
    kind = read.word(block, "type", where)
    if kind == "text":
        return {"text": read.text(block.get("text"), f"{where}.text")}
    if kind not in ("image", "document"):
        read.refuse_word(kind, f"{where}.type")
    if kind == "document":
        is_pdf, data = read_document(block, where)
        if is_pdf:
            return {"document": {"format": "pdf", "name": "document", "source": {"bytes": data}}}
        return {"document": {"name": "document", "source": {"text": data}}}
    source = read.object(block.get("source"), f"{where}.source")
    if source.get("type") != "base64":
        read.refuse(f"{where}.source.type", "this model's provider takes images as base64, not from a URL")
    media_type = read.word(source, "media_type", f"{where}.source")
    if media_type not in _IMAGES:
        read.refuse(f"{where}.source.media_type", "this model's provider takes png, jpeg, gif and webp")
    data = read.text(source.get("data"), f"{where}.source.data")
    return {"image": {"format": _IMAGES[media_type], "source": {"bytes": data}}}


def _tool_result(block: dict[str, Any], where: str) -> dict[str, Any]:
    content = block.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    result: dict[str, Any] = {
        "toolUseId": read.text(block.get("tool_use_id"), f"{where}.tool_use_id"),
        "content": [_content(part, at) for part, at in read.objects(content or [], f"{where}.content")],
    }
    # Some models do not support a status, so it is sent only for errors.
    return {**result, "status": "error"} if block.get("is_error") is True else result


def _tools(body: dict[str, Any], sent: dict[str, Any]) -> None:
    tools: list[dict[str, Any]] = []
    for tool in read_tools(body):
        spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.schema}}
        if tool.description:
            spec["description"] = tool.description
        tools.append({"toolSpec": spec})
        tools += _cache_point(tool.block)
    if not tools:
        return
    choice = read.object(body.get("tool_choice") or {"type": "auto"}, "tool_choice")
    if choice.get("disable_parallel_tool_use") is True:
        read.refuse(
            "tool_choice.disable_parallel_tool_use", "this model's provider cannot limit it to one call at a time"
        )
    kind = read.word(choice, "type", "tool_choice")
    if kind == "none":
        if _uses_tools(sent["messages"]):
            read.refuse("tool_choice", "this model's provider cannot disable the tools")
        return  # no tools are sent
    config: dict[str, Any] = {"tools": tools}
    if kind == "any":
        config["toolChoice"] = {"any": {}}
    elif kind == "tool":
        config["toolChoice"] = {"tool": {"name": read.text(choice.get("name"), "tool_choice.name")}}
    elif kind != "auto":
        read.refuse("tool_choice.type", "expected auto, any, none or tool")
    sent["toolConfig"] = config


def _uses_tools(messages: list[dict[str, Any]]) -> bool:
    return any("toolUse" in block or "toolResult" in block for message in messages for block in message["content"])
