"""Reader of Anthropic's answers: messages, complete and as events.

Reference: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.llm.answers.events import (
    Begin,
    End,
    Finish,
    Piece,
    Redacted,
    Signature,
    TextPiece,
    ThinkingPiece,
    ToolPiece,
    UsageReport,
)
from pointsman.llm.answers.finish import exact_reason, read_reason
from pointsman.llm.answers.recorder import ABSENT, CompletionRecorder, json_text
from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.usage import AnthropicUsage


class _ContentBlock(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: Any = None
    name: str | None = None
    input: msgspec.Raw = ABSENT


class _Message(msgspec.Struct):
    id: Any = None
    model: Any = None
    content: list[_ContentBlock] | None = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None  # checked where it is read


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: Any = None
    stop_sequence: Any = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _ContentBlock | None = None
    delta: _Delta | None = None
    usage: Any = None  # checked where it is read
    error: msgspec.Raw = ABSENT


_event_decoder = msgspec.json.Decoder(_Event)
_message_decoder = msgspec.json.Decoder(_Message)


class AnthropicReader:
    """Reads one answer. Blocks of tools that run at the provider are no calls of the client, and are left out."""

    only_usage = False  # no event of this dialect holds only the usage

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self.tool_names: Mapping[str, str] = {}
        self._usage = AnthropicUsage(self.recorder.usage_faults)
        self._calls: dict[int, int] = {}  # from the index of an open block to the number of the call
        self._call_count = 0

    def event(self, data: bytes) -> list[Piece]:
        """Read the data of one event."""
        recorder = self.recorder
        try:
            event = decode_answer(_event_decoder, data)
        except msgspec.MsgspecError:
            recorder.malformed += 1
            return []
        pieces: list[Piece] = []
        if event.type == "content_block_delta" and event.delta is not None:
            recorder.filled_events += 1
            self._read_delta(event.index, event.delta, pieces)
        elif event.type == "content_block_start" and event.content_block is not None:
            recorder.started = True
            recorder.filled_events += 1
            self._read_block(event.index, event.content_block, pieces)
        elif event.type == "content_block_stop":
            call = self._calls.pop(event.index, None)
            if call is not None:
                pieces.append(ToolPiece(call, done=True))
        elif event.type == "message_start" and event.message is not None:
            self._read_message(event.message, pieces)
        elif event.type == "message_delta":
            recorder.started = True
            if event.delta is not None:
                _read_stop(event.delta, pieces)
            self._read_usage(event.usage, pieces)
        elif event.type == "message_stop":
            recorder.ended = True
            pieces.append(End())
        elif event.type == "error":
            recorder.error = bytes(event.error)
        recorder.record(pieces)
        return pieces

    def whole(self, body: bytes) -> list[Piece]:
        """Read an answer that is not a stream."""
        message = decode_answer(_message_decoder, body)
        if message.content is None:
            raise msgspec.ValidationError("the answer has no content")
        pieces: list[Piece] = []
        self._read_message(message, pieces)
        content: list[Piece] = []
        for index, block in enumerate(message.content):
            self._read_block(index, block, content)
        pieces[1:1] = content
        if not any(isinstance(piece, Finish) for piece in pieces):
            pieces.append(Finish("stop"))
        recorder = self.recorder
        recorder.record(pieces)
        recorder.started = recorder.ended = True
        return pieces

    def _read_message(self, message: _Message, pieces: list[Piece]) -> None:
        """Read an answer, or the beginning of a stream, without its content."""
        recorder = self.recorder
        recorder.response_id = message.id if isinstance(message.id, str) else None
        recorder.model = message.model if isinstance(message.model, str) else None
        pieces.append(Begin(recorder.response_id or "", recorder.model or ""))
        _read_stop(message, pieces)
        # A stream begins with a placeholder for the length of the answer.
        self._read_usage(message.usage, pieces, begins=message.stop_reason is None)

    def _read_block(self, index: int, block: _ContentBlock, pieces: list[Piece]) -> None:
        if block.type == "text":
            if block.text:
                pieces.append(TextPiece(block.text))
        elif block.type == "tool_use":
            call = self._calls[index] = self._call_count
            self._call_count += 1
            arguments = json_text(block.input)
            # A stream begins a block with an empty object, and sends the arguments in pieces.
            name = block.name or ""
            piece = ToolPiece(
                call,
                block.id if isinstance(block.id, str) else "",
                self.tool_names.get(name, name),
                "" if arguments == "{}" else arguments,
            )
            pieces.append(piece)
        elif block.type == "thinking":
            if block.thinking:
                pieces.append(ThinkingPiece(block.thinking))
            if block.signature:
                pieces.append(Signature(block.signature))
        elif block.type == "redacted_thinking":
            pieces.append(Redacted(block.data or ""))

    def _read_delta(self, index: int, delta: _Delta, pieces: list[Piece]) -> None:
        if delta.text:
            pieces.append(TextPiece(delta.text))
        elif delta.partial_json:
            call = self._calls.get(index)
            if call is not None:
                pieces.append(ToolPiece(call, arguments=delta.partial_json))
        elif delta.thinking:
            pieces.append(ThinkingPiece(delta.thinking))
        elif delta.signature:
            pieces.append(Signature(delta.signature))

    def _read_usage(self, usage: Any, pieces: list[Piece], *, begins: bool = False) -> None:
        if usage is not None:
            self._usage.add(usage, begins=begins)
            if self._usage.usage is not None:
                pieces.append(UsageReport(self._usage.usage))


def _read_stop(stopped: _Message | _Delta, pieces: list[Piece]) -> None:
    reason, sequence = stopped.stop_reason, stopped.stop_sequence
    if isinstance(reason, str) and reason:
        sequence = sequence if isinstance(sequence, str) else None
        pieces.append(Finish(read_reason(reason), exact_reason(reason), sequence))
