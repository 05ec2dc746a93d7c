"""Streams put together again, as the clients' libraries do it, strictly: what is out of order fails."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.dialects.sse import EventSplitter, event_data


def datas(stream: bytes) -> list[bytes]:
    splitter = EventSplitter()
    events = splitter.feed(stream)
    assert splitter.rest() == b""
    found = [event_data(event) for event in events]
    return [data for data in found if data is not None]


def anthropic_message(stream: bytes) -> dict[str, Any]:
    """The message that an Anthropic client has at the end of a stream."""
    message: dict[str, Any] = {}
    pieces: list[str] = []
    is_open = ended = False
    for data in datas(stream):
        assert not ended
        event = msgspec.json.decode(data)
        kind = event["type"]
        assert f"event: {kind}\n".encode() in stream
        if kind == "message_start":
            assert not message
            message = event["message"]
        elif kind == "content_block_start":
            assert not is_open
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
            pieces, is_open = [], True
        elif kind == "content_block_delta":
            assert is_open
            assert event["index"] == len(message["content"]) - 1
            block, delta = message["content"][-1], event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] += delta["thinking"]
            elif delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            else:
                pieces.append(delta["partial_json"])
        elif kind == "content_block_stop":
            assert is_open
            assert event["index"] == len(message["content"]) - 1
            is_open = False
            if message["content"][-1]["type"] == "tool_use":
                message["content"][-1]["input"] = msgspec.json.decode("".join(pieces) or "{}")
        elif kind == "message_delta":
            assert not is_open
            message |= event["delta"]
            message["usage"] |= event["usage"]
        elif kind == "message_stop":
            ended = True
    assert ended
    return message


def openai_answer(stream: bytes) -> dict[str, Any]:
    """The answer that an OpenAI client has at the end of a stream."""
    *chunks, done = datas(stream)
    assert done == b"[DONE]"
    text: str | None = None
    calls: list[dict[str, Any]] = []
    answer: dict[str, Any] = {"usage": None, "finish_reason": None, "reasoning": ""}
    for data in chunks:
        chunk = msgspec.json.decode(data)
        assert chunk["object"] == "chat.completion.chunk"
        answer |= {"id": chunk["id"], "model": chunk["model"]}
        answer["usage"] = chunk.get("usage") or answer["usage"]
        for choice in chunk["choices"]:
            assert answer["finish_reason"] is None
            delta = choice["delta"]
            answer["reasoning"] += delta.get("reasoning_content") or ""
            if delta.get("content") is not None:
                text = (text or "") + delta["content"]
            for call in delta.get("tool_calls", []):
                if call["index"] == len(calls):
                    calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
                calls[call["index"]]["arguments"] += call["function"]["arguments"]
            answer["finish_reason"] = choice["finish_reason"]
    return {**answer, "text": text, "calls": calls}
