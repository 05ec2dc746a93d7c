"""Reader of OpenAI's chat completions.

Reference: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any

from pointsman.llm.conversation.body_reader import BodyReader, cache_mark, data_url, field_names
from pointsman.llm.conversation.form import (
    Document,
    Image,
    Options,
    Part,
    RequestForm,
    Role,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.llm.conversation.json_input import json_input

SILENT = field_names(
    "metadata prediction prompt_cache_key prompt_cache_retention safety_identifier service_tier store stream_options "
    "user"
)
"""Fields that do not change the answer: where they are not sent, that is not reported."""
_READ = field_names(
    "functions function_call logit_bias logprobs max_completion_tokens max_tokens messages modalities model n "
    "parallel_tool_calls response_format stop stream temperature tool_choice tools top_k top_logprobs top_p "
    "web_search_options"
)
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_CHOICES: dict[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("any"),
}
_read = BodyReader("openai")


def read_openai(body: dict[str, Any]) -> RequestForm:
    """Return the form of a request; raise `Untranslatable` for what only OpenAI's models can do."""
    _refuse_unsupported(body)
    turns: list[Turn] = []
    for message, where in _read.objects(body.get("messages"), "messages"):
        _add_message(turns, message, where)
    if not turns:
        _read.refuse("messages", "at least one message is required")
    left_out = [name for name in body if name not in _READ and name not in SILENT and body[name] is not None]
    return RequestForm(
        dialect="openai",
        model=body.get("model"),
        turns=turns,
        tools=_tools(body),
        options=_options(body),
        left_out=left_out,
    )


def _refuse_unsupported(body: dict[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        _read.refuse("n", "this model's provider gives one answer for each request")
    for name in ("logprobs", "logit_bias"):
        if body.get(name):
            _read.refuse(name, "this model's provider has no probabilities of tokens")
    if body.get("modalities") not in (None, ["text"]):
        _read.refuse("modalities", "this model's provider answers in text")
    for name in ("functions", "function_call"):
        if body.get(name) is not None:
            _read.refuse(name, "this model's provider has tools instead")
    if body.get("web_search_options") is not None:
        _read.refuse("web_search_options", "this model's provider has no web search of this form")


def _add_message(turns: list[Turn], message: dict[str, Any], where: str) -> None:
    """Add a message; results of tools and the user's message after them are one turn."""
    role = _read.word(message, "role", where)
    if role == "tool":
        result = ToolResult(
            id=_read.text(message.get("tool_call_id"), f"{where}.tool_call_id"),
            content=_parts(message.get("content"), f"{where}.content"),
            cache=cache_mark(message),
        )
        if turns and turns[-1].role == "user":
            turns[-1].blocks.append(result)
        else:
            turns.append(Turn(role="user", blocks=[result]))
        return
    if role not in _ROLES:
        _read.refuse(f"{where}.role", "expected system, developer, user, assistant or tool")
    is_assistant = role == "assistant"
    text_only = role != "user"
    blocks: list[Any] = [*_parts(message.get("content"), f"{where}.content", text_only=text_only)]
    if is_assistant:
        blocks += _calls(message, where)
    mark = cache_mark(message)
    if mark is not None and blocks and blocks[-1].cache is None and isinstance(blocks[-1], Text):
        blocks[-1] = Text(blocks[-1].text, mark)
    turns.append(Turn(role=_ROLES[role], blocks=blocks))


def _calls(message: dict[str, Any], where: str) -> list[Text | ToolUse]:
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            _read.refuse(f"{where}.{name}", "this model's provider does not support it")
    blocks: list[Text | ToolUse] = []
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        blocks.append(Text(message["refusal"]))
    for call, at in _read.objects(message.get("tool_calls") or [], f"{where}.tool_calls"):
        if call.get("type") not in (None, "function"):
            _read.refuse(f"{at}.type", "this model's provider has tools of type function only")
        function = _read.object(call.get("function"), f"{at}.function")
        call_id, name = _read.text(call.get("id"), f"{at}.id"), _read.text(function.get("name"), f"{at}.function.name")
        given = function.get("arguments")
        if not isinstance(given, str | dict) and given is not None:
            _read.refuse(f"{at}.function.arguments", "expected a string")
        blocks.append(ToolUse(id=call_id, name=name, input=json_input(given)))
    return blocks


def _parts(content: Any, where: str, *, text_only: bool = False) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    parts: list[Part] = []
    for part, at in _read.objects(content, where):
        kind = _read.word(part, "type", at)
        if kind in ("text", "input_text", "output_text"):
            parts.append(Text(_read.text(part.get("text"), f"{at}.text"), cache_mark(part)))
        elif kind == "refusal":
            parts.append(Text(_read.text(part.get("refusal"), f"{at}.refusal")))
        elif kind == "image_url" and not text_only:
            parts.append(_image(part, at))
        elif kind == "file" and not text_only:
            parts.append(_file(part, at))
        elif kind not in ("thinking", "reasoning", "redacted_thinking"):  # of clients that keep what they received
            _read.refuse_word(kind, f"{at}.type")
    return parts


def _image(part: dict[str, Any], where: str) -> Image:
    given = part.get("image_url")
    url = given if isinstance(given, str) else _read.object(given, f"{where}.image_url").get("url")
    url = _read.text(url, f"{where}.image_url.url")
    inline = data_url(url)
    if inline is not None:
        return Image(media_type=inline[0], data=inline[1], where=f"{where}.image_url.url", cache=cache_mark(part))
    if not url.startswith(("https://", "http://")):
        _read.refuse(f"{where}.image_url.url", "expected an https URL, or a data: URL with base64")
    return Image(url=url, where=f"{where}.image_url.url", cache=cache_mark(part))


def _file(part: dict[str, Any], where: str) -> Document:
    file = _read.object(part.get("file"), f"{where}.file")
    inline = data_url(file["file_data"]) if isinstance(file.get("file_data"), str) else None
    if inline is None or inline[0] != "application/pdf":
        _read.refuse(
            f"{where}.file", "this model's provider takes files as file_data, a data: URL with a PDF in base64"
        )
    name = file.get("filename")
    title = name if isinstance(name, str) else ""
    return Document(data=inline[1], title=title, where=f"{where}.file", cache=cache_mark(part))


def _tools(body: dict[str, Any]) -> list[Tool]:
    tools = []
    for tool, where in _read.objects(body.get("tools") or [], "tools"):
        if tool.get("type") not in (None, "function"):
            _read.refuse(f"{where}.type", "this model's provider has tools of type function only")
        function = _read.object(tool.get("function"), f"{where}.function")
        schema = function.get("parameters")
        description = function.get("description")
        tools.append(
            Tool(
                name=_read.text(function.get("name"), f"{where}.function.name"),
                schema=_read.object(schema, f"{where}.function.parameters") if schema is not None else {},
                description=description if isinstance(description, str) else "",
                cache=cache_mark(tool) or cache_mark(function),
            )
        )
    return tools


def _options(body: dict[str, Any]) -> Options:
    bound = body.get("max_completion_tokens")
    stop = body.get("stop")
    schema, any_json = _format(body)
    parallel = body.get("parallel_tool_calls")
    return Options(
        max_tokens=body.get("max_tokens") if bound is None else bound,
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop=([stop] if isinstance(stop, str) else stop) or [],
        stream=body.get("stream"),
        choice=_choice(body.get("tool_choice")),
        parallel=parallel if isinstance(parallel, bool) else None,
        schema=schema,
        json=any_json,
    )


def _choice(choice: Any) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str) and choice in _CHOICES:
        return _CHOICES[choice]
    named = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    if not isinstance(named, dict):
        _read.refuse("tool_choice", "this model's provider knows auto, none, required and one function by name")
    return ToolChoice("tool", _read.text(named.get("name"), "tool_choice.function.name"))


def _format(body: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """Return the JSON schema of the answer, and whether it is to be any JSON object."""
    if body.get("response_format") is None:
        return None, False
    wanted = _read.object(body["response_format"], "response_format")
    kind = _read.word(wanted, "type", "response_format")
    if kind == "text":
        return None, False
    if kind == "json_object":
        return None, True
    if kind != "json_schema":
        _read.refuse("response_format.type", "this model's provider knows text, json_object and json_schema")
    schema = _read.object(wanted.get("json_schema"), "response_format.json_schema")
    return _read.object(schema.get("schema"), "response_format.json_schema.schema"), False
