"""The three APIs of providers on one port: they refuse what the real ones refuse, and answer all else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

MAX_BODY_BYTES = 64 * 1024 * 1024
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
_ID = {"id": "chatcmpl-1", "created": 1, "model": "m"}
OPENAI: dict[str, Any] = {
    **_ID,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
OPENAI_EVENTS: list[dict[str, Any]] = [
    {
        **_ID,
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}],
    },
    {**_ID, "object": "chat.completion.chunk", "choices": [], "usage": USAGE},
]
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 2},
}
ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**ANTHROPIC, "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
CONVERSE: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12},
    "metrics": {"latencyMs": 1},
}


@asynccontextmanager
async def upstream(port: int) -> AsyncIterator[None]:
    """Serve on a port of loopback."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_post("/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    path = request.path
    try:
        body = json.loads(await request.read())
        reason = _refusal(body)
    except (ValueError, RecursionError):
        body, reason = {}, "the body is not JSON"
    if path.endswith("/converse-stream"):
        reason = reason or "streams are not supported"
    if reason:
        return web.json_response(_error(path, reason), status=400)
    if path.endswith("/converse"):
        return web.json_response(CONVERSE)
    if path.endswith("/count_tokens"):
        return web.json_response({"input_tokens": 10})
    is_anthropic = path.endswith("/messages")
    if body.get("stream"):
        return _stream(ANTHROPIC_EVENTS, named=True) if is_anthropic else _stream(OPENAI_EVENTS, named=False)
    return web.json_response(ANTHROPIC if is_anthropic else OPENAI)


def _error(path: str, reason: str) -> dict[str, Any]:
    """Return an error in the format of the API."""
    error: dict[str, Any] = {"type": "invalid_request_error", "message": reason}
    if "/model/" in path:
        return {"message": reason}
    if path.endswith(("/messages", "/count_tokens")):
        return {"type": "error", "error": error}
    return {"error": {**error, "param": None, "code": None}}


def _refusal(body: Any) -> str:
    """Return why a real API would refuse a request, as far as a few checks find it; empty when it would not."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        return "messages: expected a list"
    for message in body["messages"]:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return "messages: unknown role"
        content = message.get("content")
        if not isinstance(content, str | list | None):
            return "messages: invalid content"
        for part in content if isinstance(content, list) else []:
            if not isinstance(part, dict) or not isinstance(part.get("type", ""), str):
                return "messages: invalid part"
    limit = body.get("max_tokens")
    if limit is not None and (not isinstance(limit, int) or not 0 < limit < 1_000_000):
        return "max_tokens: expected a number of tokens"
    return ""


def _stream(events: list[dict[str, Any]], *, named: bool) -> web.Response:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    text = "".join(lines) + ("" if named else "data: [DONE]\n\n")
    return web.Response(text=text, content_type="text/event-stream")
