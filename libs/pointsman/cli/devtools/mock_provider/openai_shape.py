"""A mock answer in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import msgspec

from pointsman.cli.devtools.mock_provider.reply import Said, Tool, texts_of

PATH = "/v1/chat/completions"
ENDED = b"data: [DONE]\n\n"


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last message."""
    return "\n".join(texts_of(body["messages"][-1].get("content")))


def wanted_tool(body: dict[str, Any]) -> Tool | None:
    """Return the tool to call: the first, or the one that the client insists on; none after a tool has answered."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if not tools or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    functions = [tool["function"] for tool in tools if "function" in tool]
    if isinstance(choice, dict):
        functions = [f for f in functions if f["name"] == choice.get("function", {}).get("name")]
    return Tool(name=functions[0]["name"], schema=functions[0].get("parameters") or {}) if functions else None


def most_tokens(body: dict[str, Any]) -> int | None:
    """Return the bound of the answer's length."""
    bound = body.get("max_completion_tokens", body.get("max_tokens"))
    return bound if isinstance(bound, int) else None


def whole(said: Said, body: dict[str, Any]) -> bytes:
    """Return an answer that is no stream."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.tool:
        message |= {"content": None, "tool_calls": [_tool_call(said)]}
    choice = {"index": 0, "message": message, "finish_reason": said.finish, "logprobs": None}
    return msgspec.json.encode(
        {**_head(said, body, "chat.completion"), "choices": [choice], "usage": _usage(said), "system_fingerprint": None}
    )


def stream(said: Said, body: dict[str, Any]) -> Iterator[bytes]:
    """Yield the chunks of a stream, the last word included."""
    head = _head(said, body, "chat.completion.chunk")
    options = body.get("stream_options") or {}
    with_usage = bool(options.get("include_usage"))

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event({**head, "choices": [choice], **({"usage": None} if with_usage else {})})

    yield chunk({"role": "assistant", "content": None if said.tool else ""})
    for piece in said.chunks:
        yield chunk({"content": piece})
    if said.tool:
        name, arguments = said.tool
        half = len(arguments) // 2
        begin = {**_tool_call(said), "function": {"name": name, "arguments": ""}, "index": 0}
        yield chunk({"tool_calls": [begin]})
        for part in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    yield chunk({}, said.finish)
    if with_usage:
        yield _event({**head, "choices": [], "usage": _usage(said)})
    yield ENDED


def error(status: int, message: str) -> bytes:
    """Return an error."""
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": None}})


def _head(said: Said, body: dict[str, Any], kind: str) -> dict[str, Any]:
    # Of all mocks and all their runs, because feedback may name it.
    unique = f"chatcmpl-mock-{said.number}-{token_hex(4)}"
    return {"id": unique, "object": kind, "created": 1_700_000_000, "model": body["model"]}


def _usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
    }


def _tool_call(said: Said) -> dict[str, Any]:
    assert said.tool is not None
    name, arguments = said.tool
    return {
        "id": f"call_mock_{said.number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _event(what: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(what) + b"\n\n"
