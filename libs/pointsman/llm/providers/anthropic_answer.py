"""Reading Anthropic's answers: messages, whole and as events.

Reference: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.observation import NOTHING, Notes


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = NOTHING


_event_decoder = msgspec.json.Decoder(_Event)
_message_decoder = msgspec.json.Decoder(_Message)


class AnthropicObserver:
    """Notes what is in Anthropic's answers."""

    def __init__(self) -> None:
        self.notes = Notes()
        self._usage = _Usage()

    def event(self, data: bytes) -> bool:
        """Read the data of one event; no event of this dialect holds nothing but the usage."""
        notes = self.notes
        try:
            event = _event_decoder.decode(data)
        except msgspec.MsgspecError:
            notes.malformed += 1
            return False
        if event.type == "content_block_delta" and event.delta is not None:
            if event.delta.text:
                notes.text(event.delta.text)
            if event.delta.partial_json:
                # Tools that run at the provider have arguments too, and are no calls that a client has to answer.
                notes.goes_on(event.index, event.delta.partial_json)
        elif event.type == "content_block_start" and event.content_block is not None:
            notes.started = True
            self._read_block(event.index, event.content_block)
        elif event.type == "message_start" and event.message is not None:
            self._read_message(event.message)
        elif event.type == "message_delta":
            notes.started = True
            if event.delta is not None and event.delta.stop_reason is not None:
                notes.finish = event.delta.stop_reason
            if event.usage is not None:
                self._read_usage(event.usage)
        elif event.type == "message_stop":
            notes.ended = True
        elif event.type == "error":
            notes.error = bytes(event.error)
        return False

    def whole(self, body: bytes) -> None:
        """Read an answer that is no stream."""
        message = _message_decoder.decode(body)
        if message.content is None:
            raise msgspec.ValidationError("there is no content in it")
        self._read_message(message)
        for index, block in enumerate(message.content):
            self._read_block(index, block)
        self.notes.started = self.notes.ended = True

    def _read_message(self, message: _Message) -> None:
        notes = self.notes
        notes.response_id = message.id
        notes.model = message.model
        if message.stop_reason is not None:
            notes.finish = message.stop_reason
        if message.usage is not None:
            if message.stop_reason is None:
                # A stream begins with a number of its own making for the answer; the true one comes at the end.
                message.usage.output_tokens = None
            self._read_usage(message.usage)

    def _read_block(self, index: int, block: _Block) -> None:
        if block.type == "text" and block.text:
            self.notes.text(block.text)
        elif block.type == "tool_use":
            arguments = msgspec.json.encode(block.input).decode() if block.input else ""
            self.notes.tool(index, block.name or "", arguments)

    def _read_usage(self, usage: _Usage) -> None:
        """Add to what was said before: numbers are running totals, and those left out still hold.

        ``input_tokens`` leaves out what the cache read or wrote here; `Usage.input_tokens` has all. Nothing but zeros
        is what translations begin with, when nothing is known yet.
        """
        if not any(getattr(usage, name) for name in usage.__struct_fields__):
            return
        known = self._usage
        for name in known.__struct_fields__:
            if getattr(usage, name) is not None:
                setattr(known, name, getattr(usage, name))
        notes = self.notes
        notes.told_usage = True
        notes.cached_tokens = known.cache_read_input_tokens
        notes.cache_write_tokens = known.cache_creation_input_tokens
        notes.output_tokens = known.output_tokens
        if known.input_tokens is not None:
            notes.input_tokens = known.input_tokens + (notes.cached_tokens or 0) + (notes.cache_write_tokens or 0)
