"""Translation of Anthropic's answers to OpenAI's, without thinking, which chat completions do not show."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.completion import Usage
from pointsman.llm.providers.dialects.answer_json import decode_object
from pointsman.llm.providers.dialects.finish_reasons import openai_finish
from pointsman.llm.providers.dialects.recorder import MAX_NAME_CHARS, MAX_TOOL_CALLS
from pointsman.llm.providers.dialects.sse import encode_event
from pointsman.llm.providers.dialects.usage import AnthropicUsage

_DONE = b"data: [DONE]\n\n"


class AnthropicAnswerToOpenAI:
    """Translates one answer.

    ``created_s`` (Unix seconds) is in OpenAI's answers only; ``include_usage``: the client requested the usage.
    """

    def __init__(self, created_s: int, include_usage: bool) -> None:
        self._created_s = created_s
        self._include_usage = include_usage
        self._id = ""
        self._model = ""
        self._usage = AnthropicUsage(set())
        self._tools: dict[int, int] = {}
        self._with_arguments: set[int] = set()
        self._done = False

    def whole(self, body: bytes) -> bytes:
        """Translate an answer that is not a stream."""
        message = decode_object(body)
        texts = [block["text"] for block in message["content"] if block["type"] == "text"]
        calls = [
            {
                "id": block["id"],
                "type": "function",
                "function": {"name": block["name"], "arguments": msgspec.json.encode(block["input"]).decode()},
            }
            for block in message["content"]
            if block["type"] == "tool_use"
        ]
        reply: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(texts) if texts or not calls else None,
            "refusal": None,
        }
        if calls:
            reply["tool_calls"] = calls
        finish = openai_finish(message.get("stop_reason") or "end_turn")
        self._note_usage(message.get("usage"))
        return msgspec.json.encode(
            {
                "id": message["id"],
                "object": "chat.completion",
                "created": self._created_s,
                "model": message["model"],
                "choices": [{"index": 0, "message": reply, "logprobs": None, "finish_reason": finish}],
                "usage": _usage_shape(self._usage.usage),
            }
        )

    def event(self, data: bytes) -> bytes:
        """Translate one event."""
        event = decode_object(data)
        kind = event["type"]
        if kind == "content_block_delta":
            return self._delta(event["index"], event["delta"])
        if kind == "content_block_start":
            return self._start(event["index"], event["content_block"])
        if kind == "content_block_stop":
            return self._stop(event["index"])
        if kind == "message_start":
            # Every chunk repeats them.
            self._id = event["message"]["id"][:MAX_NAME_CHARS]
            self._model = event["message"]["model"][:MAX_NAME_CHARS]
            self._note_usage(event["message"].get("usage"))
            return self._chunk({"role": "assistant", "content": ""})
        if kind == "message_delta":
            self._note_usage(event.get("usage"))
            stop = event["delta"].get("stop_reason")
            return self._chunk({}, openai_finish(stop)) if stop else b""
        return self._end_of_message() if kind == "message_stop" else b""

    def end(self) -> bytes:
        """Return nothing: Anthropic's streams have an explicit end."""
        return b""

    def _start(self, index: int, block: dict[str, Any]) -> bytes:
        if block["type"] == "text":
            return self._chunk({"content": block["text"]}) if block.get("text") else b""
        if block["type"] != "tool_use":
            return b""
        at = self._tools[index] = len(self._tools)
        if at >= MAX_TOOL_CALLS:
            raise ValueError("too many tool calls")
        arguments = msgspec.json.encode(block["input"]).decode() if block.get("input") else ""
        if arguments:
            self._with_arguments.add(index)
        function = {"name": block["name"], "arguments": arguments}
        return self._chunk({"tool_calls": [{"index": at, "id": block["id"], "type": "function", "function": function}]})

    def _delta(self, index: int, delta: dict[str, Any]) -> bytes:
        if delta["type"] == "text_delta":
            return self._chunk({"content": delta["text"]})
        if delta["type"] == "input_json_delta" and delta["partial_json"] and index in self._tools:
            self._with_arguments.add(index)
            return self._arguments(index, delta["partial_json"])
        return b""

    def _stop(self, index: int) -> bytes:
        # A tool call without arguments has no delta, and OpenAI's clients parse the arguments.
        return self._arguments(index, "{}") if index in self._tools and index not in self._with_arguments else b""

    def _arguments(self, index: int, text: str) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._tools[index], "function": {"arguments": text}}]})

    def _end_of_message(self) -> bytes:
        if self._done:
            return b""
        self._done = True
        if not self._include_usage:
            return _DONE
        usage = {**self._envelope(), "choices": [], "usage": _usage_shape(self._usage.usage)}
        return encode_event(usage) + _DONE

    def _note_usage(self, usage: Any) -> None:
        if usage is not None:
            self._usage.add(usage)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._envelope(), "choices": [choice]}
        return encode_event({**chunk, "usage": None} if self._include_usage else chunk)

    def _envelope(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": self._model,
        }


def _usage_shape(usage: Usage | None) -> dict[str, Any]:
    """Return a usage in OpenAI's form, which has no unknown counts: 0."""
    usage = usage or Usage()
    prompt, answer = usage.input_tokens or 0, usage.output_tokens or 0
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }
