"""A mock answer in the shape of Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import msgspec

from pointsman.cli.devtools.mock_provider.reply import Said, Tool, texts_of

PATH = "/v1/messages"
COUNT_PATH = f"{PATH}/count_tokens"

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_ERROR_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last message."""
    return "\n".join(texts_of(body["messages"][-1].get("content")))


def wanted_tool(body: dict[str, Any]) -> Tool | None:
    """Return the tool to call: the first, or the one that the client insists on; none after a tool has answered."""
    tools, choice = body.get("tools"), body.get("tool_choice") or {}
    content = body["messages"][-1].get("content")
    answered = isinstance(content, list) and any(part.get("type") == "tool_result" for part in content)
    if not tools or choice.get("type") == "none" or answered:
        return None
    if choice.get("type") == "tool":
        tools = [tool for tool in tools if tool["name"] == choice.get("name")]
    return Tool(name=tools[0]["name"], schema=tools[0].get("input_schema") or {}) if tools else None


def most_tokens(body: dict[str, Any]) -> int | None:
    """Return the bound of the answer's length."""
    bound = body.get("max_tokens")
    return bound if isinstance(bound, int) else None


def whole(said: Said, body: dict[str, Any]) -> bytes:
    """Return an answer that is no stream."""
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.chunks else []
    if said.tool:
        name, arguments = said.tool
        content.append({**_tool_use(said, name), "input": msgspec.json.decode(arguments)})
    return msgspec.json.encode(
        {**_head(said, body), "content": content, "stop_reason": _STOP_REASONS[said.finish], "usage": _usage(said)}
    )


def stream(said: Said, body: dict[str, Any]) -> Iterator[bytes]:
    """Yield the events of a stream, the last one included."""
    begin = {**_head(said, body), "content": [], "stop_reason": None, "usage": {**_usage(said), "output_tokens": 1}}
    yield _event("message_start", {"message": begin})
    yield _event("ping", {})
    if said.chunks:
        yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        for piece in said.chunks:
            yield _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
        yield _event("content_block_stop", {"index": 0})
    if said.tool:
        name, arguments = said.tool
        half = len(arguments) // 2
        yield _event("content_block_start", {"index": 0, "content_block": {**_tool_use(said, name), "input": {}}})
        for part in (arguments[:half], arguments[half:]):
            yield _event(
                "content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": part}}
            )
        yield _event("content_block_stop", {"index": 0})
    delta = {"stop_reason": _STOP_REASONS[said.finish], "stop_sequence": None}
    yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": said.output_tokens}})
    yield _event("message_stop", {})


def error(status: int, message: str) -> bytes:
    """Return an error."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


def _head(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_mock_{said.number}_{token_hex(4)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_sequence": None,
    }


def _tool_use(said: Said, name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_mock_{said.number}", "name": name}


def _usage(said: Said) -> dict[str, Any]:
    # Anthropic counts the tokens read from its cache apart.
    return {
        "input_tokens": said.input_tokens - said.cached_tokens,
        "cache_read_input_tokens": said.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": said.output_tokens,
    }


def _event(name: str, what: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode({"type": name, **what}) + b"\n\n"
