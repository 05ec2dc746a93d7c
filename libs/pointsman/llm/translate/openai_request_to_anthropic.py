"""Translation of OpenAI's requests to Anthropic's.

Hints are dropped, because the answer is valid without them: `HINTS`. System and developer messages are moved to the
front, the only place that Anthropic has for them. ``temperature`` is limited to 1, Anthropic's maximum. With a
temperature, ``top_p`` is dropped, because newer Claude models refuse both together. Any other field that Anthropic's
messages do not support is refused by its path.
"""

from __future__ import annotations

from typing import Any

from pointsman.llm.translate.body_reader import BodyReader, data_url, field_names

HINTS = field_names(
    "frequency_penalty metadata prediction presence_penalty prompt_cache_key prompt_cache_retention "
    "reasoning_effort safety_identifier seed service_tier store stream_options user verbosity"
)
_KNOWN = HINTS | field_names(
    "logit_bias logprobs max_completion_tokens max_tokens messages modalities model n parallel_tool_calls "
    "response_format stop stream temperature tool_choice tools top_k top_p"
)
_SYSTEM = frozenset({"system", "developer"})
_read = BodyReader("openai")


def openai_request_to_anthropic(body: dict[str, Any], default_max_tokens: int) -> dict[str, Any]:
    """Translate a request, whose ``model`` stays as it is, or raise `Untranslatable`.

    Anthropic requires ``max_tokens``: it is ``default_max_tokens`` where the client set no bound.
    """
    _read.only(body, _KNOWN)
    _refuse_unsupported(body)
    system, messages = _conversation(body)
    bound = body.get("max_completion_tokens")
    bound = body.get("max_tokens") if bound is None else bound
    sent: dict[str, Any] = {
        "model": body.get("model"),
        "max_tokens": default_max_tokens if bound is None else bound,
        "messages": messages,
    }
    if system:
        sent["system"] = system
    for name in ("stream", "top_k"):
        if body.get(name) is not None:
            sent[name] = body[name]
    temperature = body.get("temperature")
    if isinstance(temperature, int | float):
        sent["temperature"] = min(temperature, 1)
    elif body.get("top_p") is not None:
        sent["top_p"] = body["top_p"]
    stop = body.get("stop")
    if stop:
        sent["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    _tools(body, sent)
    _format(body, sent)
    return sent


def _refuse_unsupported(body: dict[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        _read.refuse("n", "this model's provider gives one answer for each request")
    for name in ("logprobs", "logit_bias"):
        if body.get(name):
            _read.refuse(name, "this model's provider has no probabilities of tokens")
    if body.get("modalities") not in (None, ["text"]):
        _read.refuse("modalities", "this model's provider answers in text")


def _conversation(body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the blocks of the system prompt and the messages; adjacent messages of one role are merged."""
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for message, where in _read.objects(body.get("messages"), "messages"):
        role = _read.word(message, "role", where)
        if role in _SYSTEM:
            system += _parts(message.get("content"), f"{where}.content", text_only=True)
            continue
        if role == "assistant":
            blocks = _assistant(message, where)
        elif role == "user":
            blocks = _parts(message.get("content"), f"{where}.content")
        elif role == "tool":
            blocks = [_tool_result(message, where)]
        else:
            _read.refuse(f"{where}.role", "this model's provider knows system, user, assistant and tool")
        sent_role = "assistant" if role == "assistant" else "user"
        if not blocks:
            continue  # Anthropic rejects messages without content
        if messages and messages[-1]["role"] == sent_role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": sent_role, "content": blocks})
    if not messages:
        _read.refuse("messages", "there is no message with content")
    return system, messages


def _parts(content: Any, where: str, *, text_only: bool = False) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks = []
    for part, at in _read.objects(content, where):
        kind = _read.word(part, "type", at)
        if kind == "text":
            text = _read.text(part.get("text"), f"{at}.text")
            blocks += [{"type": "text", "text": text}] if text else []
        elif kind == "refusal":
            blocks.append({"type": "text", "text": _read.text(part.get("refusal"), f"{at}.refusal")})
        elif kind == "image_url" and not text_only:
            blocks.append(_image(part, at))
        elif kind == "file" and not text_only:
            blocks.append(_file(part, at))
        else:
            _read.refuse_word(kind, f"{at}.type")
    return blocks


def _image(part: dict[str, Any], where: str) -> dict[str, Any]:
    image = _read.object(part.get("image_url"), f"{where}.image_url")
    url = _read.text(image.get("url"), f"{where}.image_url.url")
    inline = data_url(url)
    if inline is None and not url.startswith(("https://", "http://")):
        _read.refuse(f"{where}.image_url.url", "expected an https URL, or a data: URL with base64")
    if inline is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": inline[0], "data": inline[1]}}


def _file(part: dict[str, Any], where: str) -> dict[str, Any]:
    file = _read.object(part.get("file"), f"{where}.file")
    inline = data_url(file["file_data"]) if isinstance(file.get("file_data"), str) else None
    if inline is None or inline[0] != "application/pdf":
        _read.refuse(
            f"{where}.file", "this model's provider takes files as file_data, a data: URL with a PDF in base64"
        )
    return {"type": "document", "source": {"type": "base64", "media_type": inline[0], "data": inline[1]}}


def _assistant(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            _read.refuse(f"{where}.{name}", "this model's provider does not support it")
    blocks = _parts(message.get("content"), f"{where}.content", text_only=True)
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        blocks.append({"type": "text", "text": message["refusal"]})
    for call, at in _read.objects(message.get("tool_calls") or [], f"{where}.tool_calls"):
        if call.get("type", "function") != "function":
            _read.refuse(f"{at}.type", "this model's provider has tools of type function only")
        function = _read.object(call.get("function"), f"{at}.function")
        arguments = _read.text(function.get("arguments", ""), f"{at}.function.arguments")
        call_id, name = _read.text(call.get("id"), f"{at}.id"), _read.text(function.get("name"), f"{at}.function.name")
        given = _read.json_object(arguments, f"{at}.function.arguments")
        blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": given})
    return blocks


def _tool_result(message: dict[str, Any], where: str) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": _read.text(message.get("tool_call_id"), f"{where}.tool_call_id"),
    }
    content = _parts(message.get("content"), f"{where}.content")
    return {**block, "content": content} if content else block


def _tools(body: dict[str, Any], sent: dict[str, Any]) -> None:
    tools = []
    for tool, where in _read.objects(body.get("tools") or [], "tools"):
        if tool.get("type") != "function":
            _read.refuse(f"{where}.type", "this model's provider has tools of type function only")
        function = _read.object(tool.get("function"), f"{where}.function")
        translated = {
            "name": _read.text(function.get("name"), f"{where}.function.name"),
            "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
        }
        if function.get("description"):
            translated["description"] = function["description"]
        tools.append(translated)
    if not tools:
        return
    sent["tools"] = tools
    choice = _tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is not None:
        sent["tool_choice"] = choice


def _tool_choice(choice: Any) -> dict[str, Any] | None:
    words = {"auto": "auto", "none": "none", "required": "any"}
    if choice is None:
        return None
    if isinstance(choice, str) and choice in words:
        return {"type": words[choice]}
    named = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    if not isinstance(named, dict):
        _read.refuse("tool_choice", "this model's provider knows auto, none, required and one function by name")
    return {"type": "tool", "name": _read.text(named.get("name"), "tool_choice.function.name")}


def _format(body: dict[str, Any], sent: dict[str, Any]) -> None:
    if body.get("response_format") is None:
        return
    wanted = _read.object(body["response_format"], "response_format")
    if wanted.get("type") == "text":
        return
    if wanted.get("type") != "json_schema":
        _read.refuse("response_format.type", "this model's provider knows text and json_schema")
    schema = _read.object(wanted.get("json_schema"), "response_format.json_schema")
    schema = _read.object(schema.get("schema"), "response_format.json_schema.schema")
    sent["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
