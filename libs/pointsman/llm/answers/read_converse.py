"""Converse's answers as Anthropic's, which `AnthropicReader` reads.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
"""

from __future__ import annotations

from typing import Any


def converse_to_anthropic(answer: dict[str, Any], model: str, response_id: str) -> dict[str, Any]:
    """Translate an answer that is not a stream; raise `KeyError` or `TypeError` when it is not one of Converse."""
    blocks = [_block(block) for block in answer["output"]["message"]["content"]]
    content = [block for block in blocks if block is not None]
    stop = answer["stopReason"]
    return _message_shape(response_id, model, content, stop, _usage(answer.get("usage") or {}))


def _block(block: dict[str, Any]) -> dict[str, Any] | None:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if "toolUse" in block:
        use = block["toolUse"]
        return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use.get("input") or {}}
    if "reasoningContent" in block:
        reasoning = block["reasoningContent"]
        if "reasoningText" in reasoning:
            text = reasoning["reasoningText"]
            return {"type": "thinking", "thinking": text["text"], "signature": text.get("signature", "")}
        return {"type": "redacted_thinking", "data": reasoning.get("redactedContent", "")}
    return None


def _usage(usage: Any) -> dict[str, Any]:
    """Return the counts under Anthropic's names, unchecked: that is done where Anthropic's usage is read."""
    if not isinstance(usage, dict) or not usage:
        return _usage_shape(0, 0, 0, 0)
    written = usage.get("cacheWriteInputTokens") or usage.get("cacheWriteInputTokenCount") or 0
    cached = usage.get("cacheReadInputTokens") or usage.get("cacheReadInputTokenCount") or 0
    return _usage_shape(usage.get("inputTokens"), written, cached, usage.get("outputTokens"))


class ConverseEvents:
    """Translates the events of one stream."""

    def __init__(self, model: str, response_id: str) -> None:
        self._model = model
        self._response_id = response_id
        self._open: set[int] = set()
        self._stop: str | None = None
        self._done = False

    def event(self, kind: str, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Translate one event of this name; raise `KeyError` or `TypeError` when it is not one of ConverseStream."""
        if kind == "contentBlockDelta":
            return self._delta(event["contentBlockIndex"], event["delta"])
        if kind == "contentBlockStart":
            return self._start(event["contentBlockIndex"], event["start"])
        if kind == "contentBlockStop":
            self._open.discard(event["contentBlockIndex"])
            return [{"type": "content_block_stop", "index": event["contentBlockIndex"]}]
        if kind == "messageStart":
            return [{"type": "message_start", "message": _message_shape(self._response_id, self._model)}]
        if kind == "messageStop":
            self._stop = event["stopReason"]
            return []
        return self._end(event.get("usage") or {}) if kind == "metadata" else []

    def end(self) -> list[dict[str, Any]]:
        """Return the end of a stream without metadata, and so without usage; nothing when it has ended or failed."""
        return self._end({})

    def _start(self, index: int, start: dict[str, Any]) -> list[dict[str, Any]]:
        if "toolUse" not in start:
            return []  # text begins with its first piece
        use = start["toolUse"]
        block = {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": {}}
        return [self._begin(index, block)]

    def _delta(self, index: int, delta: dict[str, Any]) -> list[dict[str, Any]]:
        if "text" in delta:
            return self._piece(index, {"type": "text_delta", "text": delta["text"]}, {"type": "text", "text": ""})
        if "toolUse" in delta:
            return self._piece(index, {"type": "input_json_delta", "partial_json": delta["toolUse"]["input"]})
        return self._reasoning(index, delta["reasoningContent"]) if "reasoningContent" in delta else []

    def _reasoning(self, index: int, reasoning: dict[str, Any]) -> list[dict[str, Any]]:
        if "redactedContent" in reasoning:
            return [self._begin(index, {"type": "redacted_thinking", "data": reasoning["redactedContent"]})]
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        if "signature" in reasoning:
            return self._piece(index, {"type": "signature_delta", "signature": reasoning["signature"]}, empty)
        return self._piece(index, {"type": "thinking_delta", "thinking": reasoning.get("text", "")}, empty)

    def _piece(self, index: int, delta: dict[str, Any], empty: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the event of a piece; before the first piece of a block, the event that opens it as ``empty``."""
        begin = [self._begin(index, empty)] if empty is not None and index not in self._open else []
        return [*begin, {"type": "content_block_delta", "index": index, "delta": delta}]

    def _begin(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        self._open.add(index)
        return {"type": "content_block_start", "index": index, "content_block": block}

    def _end(self, usage: Any) -> list[dict[str, Any]]:
        if self._done or self._stop is None:
            return []
        self._done = True
        delta = {"stop_reason": self._stop, "stop_sequence": None}
        return [{"type": "message_delta", "delta": delta, "usage": _usage(usage)}, {"type": "message_stop"}]


def _message_shape(
    response_id: str,
    model: str,
    content: list[dict[str, Any]] | None = None,
    stop_reason: str | None = None,
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an answer; without content, the beginning of a stream, whose usage is reported at its end."""
    return {
        "id": response_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content or [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 0, "output_tokens": 0},
    }


def _usage_shape(fresh: Any, written: Any, cached: Any, output: Any) -> dict[str, Any]:
    """Return the usage of an answer; ``fresh`` tokens of the prompt were neither written to the cache nor read."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
    }
