"""Anthropic's messages format of a mock answer."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import msgspec

from pointsman.cli.devtools.mock_provider.refusals import anthropic_refusals
from pointsman.cli.devtools.mock_provider.reply import MockReply, OfferedTool, texts_of

MESSAGES_PATH = "/v1/messages"
COUNT_PATH = f"{MESSAGES_PATH}/count_tokens"

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_THOUGHT = {"type": "thinking", "thinking": "A mock does not think.", "signature": "mock"}
_ERROR_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last message."""
    return "\n".join(texts_of(body["messages"][-1].get("content")))


def wanted_tool(body: dict[str, Any]) -> OfferedTool | None:
    """Return the tool to call: the first or the one that is required; none after a tool result."""
    tools, choice = body.get("tools"), body.get("tool_choice") or {}
    content = body["messages"][-1].get("content")
    answered = isinstance(content, list) and any(part.get("type") == "tool_result" for part in content)
    if not tools or choice.get("type") == "none" or answered:
        return None
    if choice.get("type") == "tool":
        tools = [tool for tool in tools if tool["name"] == choice.get("name")]
    return OfferedTool(name=tools[0]["name"], schema=tools[0].get("input_schema") or {}) if tools else None


def max_tokens(body: dict[str, Any]) -> int | None:
    """Return the bound on the length of the answer."""
    bound = body.get("max_tokens")
    return bound if isinstance(bound, int) else None


def effort(body: dict[str, Any]) -> str | None:
    """Return the effort of a request; None for a model that does not think."""
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "adaptive":
        found = (body.get("output_config") or {}).get("effort", "high")
        return found if isinstance(found, str) else None
    if thinking.get("type") != "enabled":
        return None
    budget = thinking["budget_tokens"]
    return "low" if budget < 4096 else "medium" if budget < 16_384 else "high"


def refusal(body: dict[str, Any]) -> str | None:
    """Return why Anthropic refuses a request because of its thinking or its effort; None when it does not."""
    return next(anthropic_refusals(body), None)


def whole(reply: MockReply, body: dict[str, Any]) -> bytes:
    """Return the body of an answer without streaming."""
    content: list[dict[str, Any]] = [_THOUGHT] if reply.reasoning_tokens else []
    if reply.chunks:
        content.append({"type": "text", "text": reply.text})
    if reply.tool:
        name, arguments = reply.tool
        content.append({**_tool_use(reply, name), "input": msgspec.json.decode(arguments)})
    return msgspec.json.encode(
        {**_head(reply, body), "content": content, "stop_reason": _STOP_REASONS[reply.finish], "usage": _usage(reply)}
    )


def stream(reply: MockReply, body: dict[str, Any]) -> Iterator[bytes]:
    """Yield the events of a stream."""
    begin = {**_head(reply, body), "content": [], "stop_reason": None, "usage": {**_usage(reply), "output_tokens": 1}}
    yield _event("message_start", {"message": begin})
    yield _event("ping", {})
    index = 0
    if reply.reasoning_tokens:
        yield _event(
            "content_block_start", {"index": 0, "content_block": {**_THOUGHT, "thinking": "", "signature": ""}}
        )
        for kind, name in (("thinking_delta", "thinking"), ("signature_delta", "signature")):
            yield _event("content_block_delta", {"index": 0, "delta": {"type": kind, name: _THOUGHT[name]}})
        yield _event("content_block_stop", {"index": 0})
        index = 1
    if reply.chunks:
        yield _event("content_block_start", {"index": index, "content_block": {"type": "text", "text": ""}})
        for piece in reply.chunks:
            yield _event("content_block_delta", {"index": index, "delta": {"type": "text_delta", "text": piece}})
        yield _event("content_block_stop", {"index": index})
    if reply.tool:
        name, arguments = reply.tool
        half = len(arguments) // 2
        yield _event("content_block_start", {"index": index, "content_block": {**_tool_use(reply, name), "input": {}}})
        for part in (arguments[:half], arguments[half:]):
            yield _event(
                "content_block_delta", {"index": index, "delta": {"type": "input_json_delta", "partial_json": part}}
            )
        yield _event("content_block_stop", {"index": index})
    delta = {"stop_reason": _STOP_REASONS[reply.finish], "stop_sequence": None}
    yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": reply.output_tokens}})
    yield _event("message_stop", {})


def error(status: int, message: str) -> bytes:
    """Return the body of an error."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


def _head(reply: MockReply, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_mock_{reply.number}_{token_hex(4)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_sequence": None,
    }


def _tool_use(reply: MockReply, name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_mock_{reply.number}", "name": name}


def _usage(reply: MockReply) -> dict[str, Any]:
    # Anthropic does not include tokens read from the cache in input_tokens.
    return {
        "input_tokens": reply.input_tokens - reply.cached_tokens,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": reply.output_tokens,
    }


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode({"type": name, **data}) + b"\n\n"
