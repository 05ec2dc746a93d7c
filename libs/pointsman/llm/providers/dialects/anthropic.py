"""Reader of Anthropic's answers: messages, complete and as events.

Reference: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.completion import Usage
from pointsman.llm.providers.dialects.recorder import ABSENT, CompletionRecorder


class _AnthropicUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _ContentBlock(msgspec.Struct):
    type: str = ""
    text: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class _AnthropicMessage(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[_ContentBlock] | None = None
    stop_reason: str | None = None
    usage: _AnthropicUsage | None = None


class _AnthropicDelta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _AnthropicEvent(msgspec.Struct):
    type: str
    index: int = 0
    message: _AnthropicMessage | None = None
    content_block: _ContentBlock | None = None
    delta: _AnthropicDelta | None = None
    usage: _AnthropicUsage | None = None
    error: msgspec.Raw = ABSENT


_event_decoder = msgspec.json.Decoder(_AnthropicEvent)
_message_decoder = msgspec.json.Decoder(_AnthropicMessage)


class AnthropicReader:
    """Reads Anthropic's answers."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self._usage = _AnthropicUsage()

    def event(self, data: bytes) -> bool:
        """Read the data of one event; return False, because no event of this dialect holds only the usage."""
        recorder = self.recorder
        try:
            event = _event_decoder.decode(data)
        except msgspec.MsgspecError:
            recorder.malformed += 1
            return False
        if event.type == "content_block_delta" and event.delta is not None:
            if event.delta.text:
                recorder.add_text(event.delta.text)
            if event.delta.partial_json:
                # Not every block with arguments is a tool call of the client: some tools run at the provider.
                recorder.add_arguments(event.index, event.delta.partial_json)
        elif event.type == "content_block_start" and event.content_block is not None:
            recorder.started = True
            self._read_block(event.index, event.content_block)
        elif event.type == "message_start" and event.message is not None:
            self._read_message(event.message)
        elif event.type == "message_delta":
            recorder.started = True
            if event.delta is not None and event.delta.stop_reason is not None:
                recorder.finish = event.delta.stop_reason
            if event.usage is not None:
                self._read_usage(event.usage)
        elif event.type == "message_stop":
            recorder.ended = True
        elif event.type == "error":
            recorder.error = bytes(event.error)
        return False

    def whole(self, body: bytes) -> None:
        """Read an answer that is not a stream."""
        message = _message_decoder.decode(body)
        if message.content is None:
            raise msgspec.ValidationError("the answer has no content")
        self._read_message(message)
        for index, block in enumerate(message.content):
            self._read_block(index, block)
        self.recorder.started = self.recorder.ended = True

    def _read_message(self, message: _AnthropicMessage) -> None:
        recorder = self.recorder
        recorder.response_id = message.id
        recorder.model = message.model
        if message.stop_reason is not None:
            recorder.finish = message.stop_reason
        if message.usage is not None:
            if message.stop_reason is None:
                # A stream begins with a placeholder for the length of the answer; the real number is at the end.
                message.usage.output_tokens = None
            self._read_usage(message.usage)

    def _read_block(self, index: int, block: _ContentBlock) -> None:
        if block.type == "text" and block.text:
            self.recorder.add_text(block.text)
        elif block.type == "tool_use":
            arguments = msgspec.json.encode(block.input).decode() if block.input else ""
            self.recorder.add_tool(index, block.name or "", arguments)

    def _read_usage(self, usage: _AnthropicUsage) -> None:
        """Merge with the usage so far: numbers are running totals, and those left out stay valid.

        Anthropic's ``input_tokens`` excludes what the cache read or wrote; `Usage.input_tokens` includes it. A usage of
        zeros is the placeholder at the beginning of a translated stream.
        """
        if not any(getattr(usage, name) for name in usage.__struct_fields__):
            return
        known = self._usage
        for name in known.__struct_fields__:
            if getattr(usage, name) is not None:
                setattr(known, name, getattr(usage, name))
        cached, written = known.cache_read_input_tokens, known.cache_creation_input_tokens
        self.recorder.usage = Usage(
            input_tokens=None if known.input_tokens is None else known.input_tokens + (cached or 0) + (written or 0),
            output_tokens=known.output_tokens,
            cached_input_tokens=cached,
            cache_write_tokens=written,
        )
