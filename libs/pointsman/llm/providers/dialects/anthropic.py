"""Reader of Anthropic's answers: messages, complete and as events.

Reference: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.recorder import ABSENT, CompletionRecorder, json_text
from pointsman.llm.providers.dialects.usage import AnthropicUsage


class _ContentBlock(msgspec.Struct):
    type: str = ""
    text: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT


class _AnthropicMessage(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[_ContentBlock] | None = None
    stop_reason: str | None = None
    usage: Any = None  # checked where it is read


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
    usage: Any = None  # checked where it is read
    error: msgspec.Raw = ABSENT


_event_decoder = msgspec.json.Decoder(_AnthropicEvent)
_message_decoder = msgspec.json.Decoder(_AnthropicMessage)


class AnthropicReader:
    """Reads Anthropic's answers."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self._usage = AnthropicUsage(self.recorder.usage_faults)

    def event(self, data: bytes) -> bool:
        """Read the data of one event; return False, because no event of this dialect holds only the usage."""
        recorder = self.recorder
        try:
            event = decode_answer(_event_decoder, data)
        except msgspec.MsgspecError:
            recorder.malformed += 1
            return False
        if event.type == "content_block_delta" and event.delta is not None:
            recorder.filled_events += 1
            if event.delta.text:
                recorder.add_text(event.delta.text)
            if event.delta.partial_json:
                # Not every block with arguments is a tool call of the client: some tools run at the provider.
                recorder.add_arguments(event.index, event.delta.partial_json)
        elif event.type == "content_block_start" and event.content_block is not None:
            recorder.started = True
            recorder.filled_events += 1
            self._read_block(event.index, event.content_block)
        elif event.type == "message_start" and event.message is not None:
            self._read_message(event.message)
        elif event.type == "message_delta":
            recorder.started = True
            if event.delta is not None and event.delta.stop_reason:
                recorder.finish = event.delta.stop_reason
            self._read_usage(event.usage)
        elif event.type == "message_stop":
            recorder.ended = True
        elif event.type == "error":
            recorder.error = bytes(event.error)
        return False

    def whole(self, body: bytes) -> None:
        """Read an answer that is not a stream."""
        message = decode_answer(_message_decoder, body)
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
        if message.stop_reason:
            recorder.finish = message.stop_reason
        # A stream begins with a placeholder for the length of the answer.
        self._read_usage(message.usage, begins=message.stop_reason is None)

    def _read_block(self, index: int, block: _ContentBlock) -> None:
        if block.type == "text" and block.text:
            self.recorder.add_text(block.text)
        elif block.type == "tool_use":
            arguments = json_text(block.input)
            # A stream begins a block with an empty object, and sends the arguments in pieces.
            self.recorder.add_tool(index, block.name or "", "" if arguments == "{}" else arguments)

    def _read_usage(self, usage: Any, *, begins: bool = False) -> None:
        if usage is not None:
            self._usage.add(usage, begins=begins)
            self.recorder.usage = self._usage.usage
