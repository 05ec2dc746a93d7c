"""Translation of OpenAI's answers to Anthropic's: the first of several choices, without reasoning."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from pointsman.llm.completion import Usage
from pointsman.llm.providers.dialects.answer_json import decode_object
from pointsman.llm.providers.dialects.finish_reasons import anthropic_stop
from pointsman.llm.providers.dialects.sse import encode_event
from pointsman.llm.providers.dialects.usage import openai_usage
from pointsman.llm.translate.anthropic_shapes import end_events, message_shape, usage_shape
from pointsman.llm.translate.tool_blocks import ToolBlocks


class OpenAIAnswerToAnthropic:
    """Translates one answer; ``model`` names the model where the provider sends no name."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = False
        self._done = False
        self._index = -1
        self._in_text = False
        self._tools = ToolBlocks()
        self._stop: str | None = None
        self._refused = False
        self._usage = Usage()

    def whole(self, body: bytes) -> bytes:
        """Translate an answer that is not a stream."""
        answer = decode_object(body)
        choice = answer["choices"][0]
        message = choice["message"]
        text = _text(message)
        content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
        for call in message.get("tool_calls") or []:
            arguments = call["function"].get("arguments") or "{}"
            given = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
            if not isinstance(given, dict):
                raise ValueError("the arguments of a tool call are not a JSON object")
            content.append(
                {
                    "type": "tool_use",
                    "id": call.get("id") or _new_id("toolu"),
                    "name": call["function"]["name"],
                    "input": given,
                }
            )
        stop = "refusal" if message.get("refusal") else anthropic_stop(choice.get("finish_reason") or "stop")
        usage = _usage_shape(openai_usage(answer.get("usage") or {}, set()))
        return msgspec.json.encode(message_shape(*self._id_and_model(answer), content, stop, usage))

    def event(self, data: bytes) -> bytes:
        """Translate one chunk."""
        if data.rstrip() == b"[DONE]":
            return self.end()
        chunk = decode_object(data)
        out = b""
        if not self._started:
            self._started = True
            out = _encode({"type": "message_start", "message": message_shape(*self._id_and_model(chunk))})
        if chunk.get("usage"):
            self._usage = openai_usage(chunk["usage"], set())
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            message = choice.get("delta") or {}
            self._refused = self._refused or bool(message.get("refusal"))
            text = _text(message)
            if text:
                out += self._text_delta(text)
            for at, call in enumerate(message.get("tool_calls") or []):
                function = call.get("function") or {}
                index = call.get("index")
                self._tools.add(
                    at if index is None else index,
                    call.get("id") or "",
                    function.get("name") or "",
                    function.get("arguments") or "",
                )
            out += self._drain()
            if choice.get("finish_reason"):
                self._stop = anthropic_stop(choice["finish_reason"])
                out += self._close()
        return out

    def end(self) -> bytes:
        """Return the end of the message, which is sent after the usage, and that arrives after the last choice."""
        if self._done or self._stop is None:
            return b""
        self._done = True
        stop = "refusal" if self._refused else self._stop
        return b"".join([_encode(event) for event in end_events(stop, _usage_shape(self._usage))])

    def _id_and_model(self, answer: dict[str, Any]) -> tuple[str, str]:
        return answer.get("id") or _new_id("msg"), answer.get("model") or self._model

    def _text_delta(self, text: str) -> bytes:
        out = b""
        if not self._in_text:
            out = self._close() + self._open({"type": "text", "text": ""})
            self._in_text = True
        return out + self._delta({"type": "text_delta", "text": text})

    def _drain(self, *, final: bool = False) -> bytes:
        """Write the tool calls that are ready, one block after the other."""
        out = b""
        for step in self._tools.steps(final=final):
            if step.kind == "open":
                if self._in_text:
                    out += self._close_block()
                    self._in_text = False
                block = {"type": "tool_use", "id": step.id or _new_id("toolu"), "name": step.text, "input": {}}
                out += self._open(block)
            elif step.kind == "arguments":
                out += self._delta({"type": "input_json_delta", "partial_json": step.text})
            else:
                out += self._close_block()
        return out

    def _close(self) -> bytes:
        """Close the open block."""
        out = self._drain(final=True)
        if self._in_text:
            self._in_text = False
            out += self._close_block()
        return out

    def _open(self, block: dict[str, Any]) -> bytes:
        self._index += 1
        return _encode({"type": "content_block_start", "index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _encode({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close_block(self) -> bytes:
        return _encode({"type": "content_block_stop", "index": self._index})


def _encode(event: dict[str, Any]) -> bytes:
    return encode_event(event, event["type"])


def _usage_shape(usage: Usage) -> dict[str, Any]:
    """Return a usage in Anthropic's form, which has no unknown counts (0).

    Its prompt tokens exclude those that the cache read or wrote.
    """
    read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    return usage_shape(max(0, (usage.input_tokens or 0) - read - written), written, read, usage.output_tokens or 0)


def _text(message: dict[str, Any]) -> str:
    """Return the text of a message or a delta: a string, or the text parts of a list; a refusal counts as text."""
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part.get("type") == "text")
    return str(content) + (message.get("refusal") or "")


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"
