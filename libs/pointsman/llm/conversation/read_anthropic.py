"""Reader of Anthropic's messages.

Blocks of a kind that the form does not have are read as the text in them, or left out: a conversation that holds one
would otherwise be refused in each later turn.

Reference: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

from typing import Any

from pointsman.llm.conversation.body_reader import BodyReader, cache_mark, field_names
from pointsman.llm.conversation.form import (
    Block,
    Document,
    Image,
    Options,
    Part,
    RequestForm,
    Role,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.llm.conversation.json_input import json_input

SILENT = field_names("betas cache_control context_management metadata service_tier speed")
"""Fields that do not change the answer: where they are not sent, that is not reported."""
_READ = field_names(
    "max_tokens messages model output_config stop_sequences stream system temperature thinking tool_choice tools top_k "
    "top_p"
)
_REFUSED = {
    "mcp_servers": "this model's provider does not call MCP servers",
    "container": "this model's provider runs no code",
}
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_CHOICES: dict[str, ToolChoice] = {"auto": ToolChoice("auto"), "any": ToolChoice("any"), "none": ToolChoice("none")}
_TEXT_FIELDS = ("text", "content", "title", "name", "tool_name", "url", "source")
"""Fields of a block of an unknown kind that may hold text for the model."""
_read = BodyReader("anthropic")


def read_anthropic(body: dict[str, Any]) -> RequestForm:
    """Return the form of a request; raise `Untranslatable` for what only Anthropic's servers can do."""
    for name, why in _REFUSED.items():
        if body.get(name):
            _read.refuse(name, why)
    turns = _system(body.get("system"))
    for message, where in _read.objects(body.get("messages"), "messages"):
        role = _read.word(message, "role", where)
        if role not in _ROLES:
            _read.refuse(f"{where}.role", "expected user, assistant or system")
        turns.append(Turn(role=_ROLES[role], blocks=_blocks(message.get("content"), f"{where}.content")))
    left_out = [name for name in body if name not in _READ and name not in SILENT and body[name] is not None]
    return RequestForm(
        dialect="anthropic",
        model=body.get("model"),
        turns=turns,
        tools=_tools(body),
        options=_options(body),
        left_out=left_out,
    )


def _system(system: Any) -> list[Turn]:
    if system is None or system == "":
        return []
    if isinstance(system, str):
        return [Turn(role="system", blocks=[Text(system)])]
    blocks: list[Block] = []
    for block, where in _read.objects(system, "system"):
        kind = _read.word(block, "type", where)
        if kind != "text":
            _read.refuse_word(kind, f"{where}.type")
        blocks.append(Text(_read.text(block.get("text"), f"{where}.text"), cache_mark(block)))
    return [Turn(role="system", blocks=blocks)] if blocks else []


def _blocks(content: Any, where: str) -> list[Block]:
    if isinstance(content, str):
        return [Text(content)]
    blocks: list[Block] = []
    for block, at in _read.objects(content, where):
        kind = _read.word(block, "type", at)
        if kind == "tool_use":
            blocks.append(_tool_use(block, at))
        elif kind == "tool_result":
            blocks.append(_tool_result(block, at))
        elif kind == "thinking":
            text, signature = block.get("thinking"), block.get("signature")
            blocks.append(
                Thinking(
                    text=text if isinstance(text, str) else "",
                    signature=signature if isinstance(signature, str) else "",
                )
            )
        elif kind == "redacted_thinking":
            data = block.get("data")
            blocks.append(Thinking(redacted=data if isinstance(data, str) else ""))
        else:
            blocks += _parts(block, kind, at)
    return blocks


def _tool_use(block: dict[str, Any], where: str) -> ToolUse:
    given = block.get("input")
    if not isinstance(given, dict | str):
        _read.refuse(f"{where}.input", "expected an object")
    return ToolUse(
        id=_read.text(block.get("id"), f"{where}.id"),
        name=_read.text(block.get("name"), f"{where}.name"),
        input=json_input(given),
        cache=cache_mark(block),
    )


def _tool_result(block: dict[str, Any], where: str) -> ToolResult:
    content, parts = block.get("content"), list[Part]()
    if isinstance(content, str):
        parts.append(Text(content))
    elif content is not None:
        for part, at in _read.objects(content, f"{where}.content"):
            parts += _parts(part, _read.word(part, "type", at), at)
    return ToolResult(
        id=_read.text(block.get("tool_use_id"), f"{where}.tool_use_id"),
        content=parts,
        is_error=block.get("is_error") is True,
        cache=cache_mark(block),
    )


def _parts(block: dict[str, Any], kind: str | None, where: str) -> list[Part]:
    """Return what both messages and results of tools may hold."""
    if kind == "text":
        return [Text(_read.text(block.get("text"), f"{where}.text"), cache_mark(block))]
    if kind == "image":
        return [_image(block, where)]
    if kind == "document":
        return _document(block, where)
    text = _text_of(block)
    return [Text(text, cache_mark(block))] if text else []


def _image(block: dict[str, Any], where: str) -> Image:
    source = _read.object(block.get("source"), f"{where}.source")
    kind = _read.word(source, "type", f"{where}.source")
    at, mark = f"{where}.source", cache_mark(block)
    if kind == "base64":
        media_type = _read.text(source.get("media_type"), f"{at}.media_type")
        return Image(media_type=media_type, data=_read.text(source.get("data"), f"{at}.data"), where=at, cache=mark)
    if kind != "url":
        _read.refuse(f"{at}.type", "this model's provider takes images as base64 or url")
    return Image(url=_read.text(source.get("url"), f"{at}.url"), where=at, cache=mark)


def _document(block: dict[str, Any], where: str) -> list[Part]:
    source = _read.object(block.get("source"), f"{where}.source")
    kind = _read.word(source, "type", f"{where}.source")
    at, mark = f"{where}.source", cache_mark(block)
    title = block.get("title") if isinstance(block.get("title"), str) else ""
    if kind == "text":
        return [Document(text=_read.text(source.get("data"), f"{at}.data"), title=title or "", where=at, cache=mark)]
    if kind == "content":
        content = source.get("content")
        if isinstance(content, str):
            return [Document(text=content, title=title or "", where=at, cache=mark)]
        parts = list[Part]()
        for part, place in _read.objects(content, f"{at}.content"):
            parts += _parts(part, _read.word(part, "type", place), place)
        return parts
    if kind == "url":
        return [Document(url=_read.text(source.get("url"), f"{at}.url"), title=title or "", where=at, cache=mark)]
    if kind != "base64" or source.get("media_type") != "application/pdf":
        _read.refuse(at, "this model's provider takes documents as text, or as a PDF in base64")
    return [Document(data=_read.text(source.get("data"), f"{at}.data"), title=title or "", where=at, cache=mark)]


def _text_of(value: Any, depth: int = 0) -> str:
    """Return the text in a block of an unknown kind; what is encrypted or binary is left out."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, (_text_of(part, depth + 1) for part in value)))
    if isinstance(value, dict):
        return "\n".join(filter(None, (_text_of(value[name], depth + 1) for name in _TEXT_FIELDS if name in value)))
    return ""


def _tools(body: dict[str, Any]) -> list[Tool]:
    tools = []
    for tool, where in _read.objects(body.get("tools") or [], "tools"):
        kind = _read.word(tool, "type", where)
        if kind not in (None, "custom"):
            _read.refuse_word(kind, f"{where}.type")
        description = tool.get("description")
        tools.append(
            Tool(
                name=_read.text(tool.get("name"), f"{where}.name"),
                schema=_read.object(tool.get("input_schema"), f"{where}.input_schema"),
                description=description if isinstance(description, str) else "",
                cache=cache_mark(tool),
            )
        )
    return tools


def _options(body: dict[str, Any]) -> Options:
    thinking = body.get("thinking")
    return Options(
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop=body.get("stop_sequences") or [],
        stream=body.get("stream"),
        choice=_choice(body.get("tool_choice")),
        parallel=_parallel(body.get("tool_choice")),
        schema=_schema(body.get("output_config")),
        thinking=_read.object(thinking, "thinking") if thinking is not None else None,
    )


def _choice(choice: Any) -> ToolChoice | None:
    if choice is None:
        return None
    choice = _read.object(choice, "tool_choice")
    kind = _read.word(choice, "type", "tool_choice")
    if kind == "tool":
        return ToolChoice("tool", _read.text(choice.get("name"), "tool_choice.name"))
    if kind not in _CHOICES:
        _read.refuse("tool_choice.type", "expected auto, any, none or tool")
    return _CHOICES[kind]


def _parallel(choice: Any) -> bool | None:
    return False if isinstance(choice, dict) and choice.get("disable_parallel_tool_use") is True else None


def _schema(config: Any) -> dict[str, Any] | None:
    """Return the JSON schema of the answer, if one is required; an effort alone is a hint."""
    wanted = _read.object(config, "output_config").get("format") if config is not None else None
    if wanted is None:
        return None
    wanted = _read.object(wanted, "output_config.format")
    if wanted.get("type") != "json_schema":
        _read.refuse("output_config.format.type", "this model's provider knows json_schema")
    return _read.object(wanted.get("schema"), "output_config.format.schema")
