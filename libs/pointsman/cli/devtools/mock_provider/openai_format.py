"""OpenAI's chat completions format of a mock answer."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import msgspec

from pointsman.cli.devtools.mock_provider.refusals import openai_refusals
from pointsman.cli.devtools.mock_provider.reply import MockReply, OfferedTool, texts_of

CHAT_PATH = "/v1/chat/completions"
ENDED = b"data: [DONE]\n\n"


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last message."""
    return "\n".join(texts_of(body["messages"][-1].get("content")))


def wanted_tool(body: dict[str, Any]) -> OfferedTool | None:
    """Return the tool to call: the first or the one that is required; none after a tool result."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if not tools or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    functions = [tool["function"] for tool in tools if "function" in tool]
    if isinstance(choice, dict):
        functions = [f for f in functions if f["name"] == choice.get("function", {}).get("name")]
    return OfferedTool(name=functions[0]["name"], schema=functions[0].get("parameters") or {}) if functions else None


def max_tokens(body: dict[str, Any]) -> int | None:
    """Return the bound on the length of the answer."""
    bound = body.get("max_completion_tokens", body.get("max_tokens"))
    return bound if isinstance(bound, int) else None


def effort(body: dict[str, Any]) -> str | None:
    """Return the effort of a request; None without one."""
    found = body.get("reasoning_effort")
    return found if isinstance(found, str) else None


def refusal(body: dict[str, Any]) -> str | None:
    """Return why OpenAI refuses a request because of its effort; None when it does not."""
    return next(openai_refusals(body), None)


def whole(reply: MockReply, body: dict[str, Any]) -> bytes:
    """Return the body of an answer without streaming."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.tool:
        message |= {"content": None, "tool_calls": [_tool_call(reply)]}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish, "logprobs": None}
    return msgspec.json.encode(
        {
            **_head(reply, body, "chat.completion"),
            "choices": [choice],
            "usage": _usage(reply),
            "system_fingerprint": None,
        }
    )


def stream(reply: MockReply, body: dict[str, Any]) -> Iterator[bytes]:
    """Yield the chunks of a stream, the last word included."""
    head = _head(reply, body, "chat.completion.chunk")
    options = body.get("stream_options") or {}
    with_usage = bool(options.get("include_usage"))

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event({**head, "choices": [choice], **({"usage": None} if with_usage else {})})

    yield chunk({"role": "assistant", "content": None if reply.tool else ""})
    for piece in reply.chunks:
        yield chunk({"content": piece})
    if reply.tool:
        name, arguments = reply.tool
        half = len(arguments) // 2
        begin = {**_tool_call(reply), "function": {"name": name, "arguments": ""}, "index": 0}
        yield chunk({"tool_calls": [begin]})
        for part in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    yield chunk({}, reply.finish)
    if with_usage:
        yield _event({**head, "choices": [], "usage": _usage(reply)})
    yield ENDED


def error(status: int, message: str) -> bytes:
    """Return the body of an error."""
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": None}})


def _head(reply: MockReply, body: dict[str, Any], kind: str) -> dict[str, Any]:
    # Unique over all mocks and runs, because feedback may refer to it.
    unique = f"chatcmpl-mock-{reply.number}-{token_hex(4)}"
    return {"id": unique, "object": kind, "created": 1_700_000_000, "model": body["model"]}


def _usage(reply: MockReply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
    }


def _tool_call(reply: MockReply) -> dict[str, Any]:
    assert reply.tool is not None
    name, arguments = reply.tool
    return {
        "id": f"call_mock_{reply.number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"
