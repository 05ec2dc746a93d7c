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
from pointsman.llm.translate.body_reader import BodyReader, field_names

HINTS = field_names("betas cache_control context_management metadata service_tier speed")
_KNOWN = HINTS | field_names(
    "max_tokens messages model output_config stop_sequences stream system temperature thinking "
    "tool_choice tools top_k top_p"
)
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_OPENAI_NAMES = {
    "tool_choice.disable_parallel_tool_use": "parallel_tool_calls",
    "output_config.format": "response_format",
}
_read = BodyReader("anthropic")


def anthropic_request_to_converse(body: dict[str, Any], model: str, dialect: Dialect = "anthropic") -> dict[str, Any]:
    """Translate a request; the model is in Converse's URL and not in its body.

    Parameters
    ----------
    body : dict
        Not changed.
    model : str
        Name at Bedrock; Claude's own fields are sent when it is a Claude model.
    dialect : Dialect
        The client's dialect. A request in OpenAI's dialect was translated to Anthropic's first; errors name its fields.

    Raises
    ------
    Untranslatable
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
    _read.only(body, _KNOWN)
    sent: dict[str, Any] = {
        "messages": [_message(message, where) for message, where in _read.objects(body.get("messages"), "messages")]
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
    _format(body, sent)
    return sent


def _system(system: Any) -> list[dict[str, Any]]:
    if isinstance(system, str) or system is None:
        return [{"text": system}] if system else []
    blocks = []
    for block, where in _read.objects(system, "system"):
        if block.get("type") != "text":
            _read.refuse(f"{where}.type", "this model's provider takes text here")
        blocks.append({"text": _read.text(block.get("text"), f"{where}.text")})
        blocks += _cache_point(block)
    return blocks


def _cache_point(block: dict[str, Any]) -> list[dict[str, Any]]:
    control = block.get("cache_control")
    if not isinstance(control, dict):
        return []
    ttl = {"ttl": control["ttl"]} if control.get("ttl") else {}
    return [{"cachePoint": {"type": "default", **ttl}}]


def _message(message: dict[str, Any], where: str) -> dict[str, Any]:
    role = message.get("role")
    if role not in ("user", "assistant"):
        _read.refuse(f"{where}.role", "expected user or assistant")
    content = message.get("content")
    if isinstance(content, str):
        return {"role": role, "content": [{"text": content}]}
    blocks = []
    for block, at in _read.objects(content, f"{where}.content"):
        blocks.append(_block(block, at))
        blocks += _cache_point(block)
    return {"role": role, "content": blocks}


def _block(block: dict[str, Any], where: str) -> dict[str, Any]:
    kind = block.get("type")
    if kind == "tool_use":
        return {
            "toolUse": {
                "toolUseId": _read.text(block.get("id"), f"{where}.id"),
                "name": _read.text(block.get("name"), f"{where}.name"),
                "input": _read.object(block.get("input"), f"{where}.input"),
            }
        }
    if kind == "tool_result":
        return {"toolResult": _tool_result(block, where)}
    if kind == "thinking":
        text = {"text": _read.text(block.get("thinking"), f"{where}.thinking")}
        if block.get("signature"):
            text["signature"] = block["signature"]
        return {"reasoningContent": {"reasoningText": text}}
    if kind == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": _read.text(block.get("data"), f"{where}.data")}}
    return _content(block, where)


def _content(block: dict[str, Any], where: str) -> dict[str, Any]:
    """Translate a block that both messages and tool results may hold."""
    kind = block.get("type")
    if kind == "text":
        return {"text": _read.text(block.get("text"), f"{where}.text")}
    if kind not in ("image", "document"):
        _read.refuse(f"{where}.type", f"this model's provider takes no {kind!r} here")
    source = _read.object(block.get("source"), f"{where}.source")
    if kind == "document":
        return {"document": _document(source, where)}
    if source.get("type") != "base64":
        _read.refuse(f"{where}.source.type", "this model's provider takes images as base64, not from a URL")
    media_type = source.get("media_type")
    if media_type not in _IMAGES:
        _read.refuse(f"{where}.source.media_type", "this model's provider takes png, jpeg, gif and webp")
    data = _read.text(source.get("data"), f"{where}.source.data")
    return {"image": {"format": _IMAGES[media_type], "source": {"bytes": data}}}


def _document(source: dict[str, Any], where: str) -> dict[str, Any]:
    if source.get("type") == "text":
        return {"name": "document", "source": {"text": _read.text(source.get("data"), f"{where}.source.data")}}
    if source.get("type") != "base64" or source.get("media_type") != "application/pdf":
        _read.refuse(f"{where}.source", "this model's provider takes documents as text, or as a PDF in base64")
    data = _read.text(source.get("data"), f"{where}.source.data")
    return {"format": "pdf", "name": "document", "source": {"bytes": data}}


def _tool_result(block: dict[str, Any], where: str) -> dict[str, Any]:
    content = block.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    result: dict[str, Any] = {
        "toolUseId": _read.text(block.get("tool_use_id"), f"{where}.tool_use_id"),
        "content": [_content(part, at) for part, at in _read.objects(content or [], f"{where}.content")],
    }
    # Some models do not support a status, so it is sent only for errors.
    return {**result, "status": "error"} if block.get("is_error") is True else result


def _tools(body: dict[str, Any], sent: dict[str, Any]) -> None:
    tools: list[dict[str, Any]] = []
    for tool, where in _read.objects(body.get("tools") or [], "tools"):
        if tool.get("type") not in (None, "custom"):
            _read.refuse(f"{where}.type", f"this model's provider has no tool {tool['type']!r}")
        spec: dict[str, Any] = {
            "name": _read.text(tool.get("name"), f"{where}.name"),
            "inputSchema": {"json": _read.object(tool.get("input_schema"), f"{where}.input_schema")},
        }
        if tool.get("description"):
            spec["description"] = tool["description"]
        tools.append({"toolSpec": spec})
        tools += _cache_point(tool)
    if not tools:
        return
    choice = _read.object(body.get("tool_choice") or {"type": "auto"}, "tool_choice")
    if choice.get("disable_parallel_tool_use") is True:
        _read.refuse(
            "tool_choice.disable_parallel_tool_use", "this model's provider cannot limit it to one call at a time"
        )
    kind = choice.get("type")
    if kind == "none":
        if _uses_tools(sent["messages"]):
            _read.refuse("tool_choice", "this model's provider cannot disable the tools")
        return  # no tools are sent
    config: dict[str, Any] = {"tools": tools}
    if kind == "any":
        config["toolChoice"] = {"any": {}}
    elif kind == "tool":
        config["toolChoice"] = {"tool": {"name": _read.text(choice.get("name"), "tool_choice.name")}}
    elif kind != "auto":
        _read.refuse("tool_choice.type", "expected auto, any, none or tool")
    sent["toolConfig"] = config


def _uses_tools(messages: list[dict[str, Any]]) -> bool:
    return any("toolUse" in block or "toolResult" in block for message in messages for block in message["content"])


def _format(body: dict[str, Any], sent: dict[str, Any]) -> None:
    config = body.get("output_config")
    wanted = _read.object(config, "output_config").get("format") if config is not None else None
    if wanted is None:
        return  # an effort alone is a hint
    wanted = _read.object(wanted, "output_config.format")
    if wanted.get("type") != "json_schema":
        _read.refuse("output_config.format", "this model's provider knows json_schema")
    schema = _read.object(wanted.get("schema"), "output_config.format.schema")
    structure = {"jsonSchema": {"schema": msgspec.json.encode(schema).decode(), "name": "answer"}}
    sent["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
