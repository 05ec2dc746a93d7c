"""One answer with text and tool calls, as each provider's API sends it: whole and as the events of a stream."""

from __future__ import annotations

from typing import Any

ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I set "},
        {"type": "text", "text": "both."},
        {"type": "tool_use", "id": "t1", "name": "set_points", "input": {"at": 3}},
        {"type": "tool_use", "id": "t2", "name": "list_points", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 80,
        "cache_creation_input_tokens": 5,
        "output_tokens": 7,
    },
}


OPENAI_USAGE = {
    "prompt_tokens": 95,
    "completion_tokens": 7,
    "total_tokens": 102,
    "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
}


def anthropic_events() -> list[dict[str, Any]]:
    start = {**ANTHROPIC, "content": [], "stop_reason": None, "usage": {**ANTHROPIC["usage"], "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}],
        ),
        (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": "I set "}, {"type": "text_delta", "text": "both."}],
        ),
        (
            {"type": "tool_use", "id": "t1", "name": "set_points", "input": {}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"at"', ": 3}")],
        ),
        ({"type": "tool_use", "id": "t2", "name": "list_points", "input": {}}, []),
    ]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 7},
        }
    )
    return [*events, {"type": "message_stop"}]


OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "I set both.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "set_points", "arguments": '{"at": 3}'}},
                    {"id": "c2", "type": "function", "function": {"name": "list_points", "arguments": ""}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": OPENAI_USAGE,
}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, usage: Any = None) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    kind = "chat.completion.chunk"
    return {"id": "chatcmpl-1", "object": kind, "model": "gpt-x", "choices": choices, "usage": usage}


def call(index: int, arguments: str = "", **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "function": function, **fields}]}


FIRST = call(0, id="c1", type="function", name="set_points")


SECOND = call(1, id="c2", type="function", name="list_points")


MIXED = [FIRST, call(0, '{"at"'), SECOND, call(0, ": "), call(1, "{"), call(0, "3}"), call(1, "}")]


CONVERSE_USAGE = {
    "inputTokens": 10,
    "outputTokens": 7,
    "totalTokens": 102,
    "cacheReadInputTokens": 80,
    "cacheWriteInputTokens": 5,
}


CONVERSE_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "I set "}, "p": "abcd"}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "both."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "set_points"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"at": 3}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": CONVERSE_USAGE, "metrics": {"latencyMs": 5}}),
]
