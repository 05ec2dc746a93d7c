"""Writer of Anthropic's answers: messages, complete and as events.

Thinking without a signature, as OpenAI-compatible servers send it, has an empty one.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from pointsman.llm.answers.collected import TextBlock, ThinkingBlock, ToolBlock, collect
from pointsman.llm.answers.events import (
    Begin,
    End,
    Event,
    Finish,
    Redacted,
    RefusalPiece,
    Signature,
    TextPiece,
    ThinkingPiece,
    ToolArguments,
    ToolBegin,
    ToolEnd,
    UsageReport,
)
from pointsman.llm.answers.finish import agreed_reason, anthropic_reason
from pointsman.llm.completion import Usage
from pointsman.llm.conversation.json_input import json_input
from pointsman.llm.providers.dialects.sse import encode_event

_VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_encode = msgspec.json.encode
_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


class AnthropicWriter:
    """Writes one answer.

    Parameters
    ----------
    model: Where the provider sends no name.
    thinking: Whether the client receives the model's thinking.
    """

    def __init__(self, model: str, *, thinking: bool = False) -> None:
        self._model = model
        self._thinking = thinking
        self._index = -1
        self._open: Literal["text", "thinking", "tool", ""] = ""
        self._before = b""  # everything of a delta in front of its text, the same for each of a block
        self._called = self._refused = self._ended = False
        self._finish: Finish | None = None
        self._usage = Usage()
        self._writers: dict[type[Event], Callable[[Any], bytes]] = {
            Begin: self._begin,
            TextPiece: self._text,
            RefusalPiece: self._refusal,
            ThinkingPiece: self._think,
            Signature: self._sign,
            Redacted: self._redacted,
            ToolBegin: self._tool_begin,
            ToolArguments: self._tool_arguments,
            ToolEnd: self._tool_end,
            UsageReport: self._note_usage,
            Finish: self._note_finish,
            End: _nothing,
        }

    def whole(self, events: Iterable[Event]) -> bytes:
        """Return an answer that is not a stream."""
        answer = collect(events)
        content: list[dict[str, Any]] = []
        for block in answer.blocks:
            if isinstance(block, TextBlock):
                if content and content[-1]["type"] == "text":
                    content[-1]["text"] += block.text
                else:
                    content.append({"type": "text", "text": block.text})
            elif isinstance(block, ToolBlock):
                given = json_input(block.arguments)
                content.append({"type": "tool_use", "id": _tool_id(block.id), "name": block.name, "input": given})
            elif self._thinking:
                content.append(_thinking_block(block))
        stop = anthropic_reason(answer.finish or "stop", answer.exact_finish)
        return _encode(
            {
                **self._message(answer.id, answer.model),
                "content": content,
                "stop_reason": stop,
                "stop_sequence": answer.stop_sequence,
                "usage": _usage_shape(answer.usage),
            }
        )

    def events(self, events: Iterable[Event]) -> bytes:
        """Return more of a stream."""
        return b"".join([self._writers[type(event)](event) for event in events])

    def end(self) -> bytes:
        """Return the end of the message, with the usage, which arrives after the last piece."""
        if self._ended or self._finish is None:
            return b""
        self._ended = True
        finish = self._finish
        reason = agreed_reason(finish.reason, calls=self._called, refused=self._refused)
        delta = {"stop_reason": anthropic_reason(reason, finish.exact), "stop_sequence": finish.stop_sequence}
        end = {"type": "message_delta", "delta": delta, "usage": _usage_shape(self._usage)}
        return (
            self._close() + encode_event(end, "message_delta") + encode_event({"type": "message_stop"}, "message_stop")
        )

    def _begin(self, event: Begin) -> bytes:
        return encode_event({"type": "message_start", "message": self._message(event.id, event.model)}, "message_start")

    def _text(self, event: TextPiece) -> bytes:
        return self._piece("text", event.text)

    def _refusal(self, event: RefusalPiece) -> bytes:
        self._refused = True
        return self._piece("text", event.text)

    def _think(self, event: ThinkingPiece) -> bytes:
        return self._piece("thinking", event.text) if self._thinking else b""

    def _sign(self, event: Signature) -> bytes:
        if not self._thinking:
            return b""
        out = b"" if self._open == "thinking" else self._piece("thinking", "")
        delta = {"type": "signature_delta", "signature": event.signature}
        signed = {"type": "content_block_delta", "index": self._index, "delta": delta}
        return out + encode_event(signed, "content_block_delta") + self._close()

    def _redacted(self, event: Redacted) -> bytes:
        if not self._thinking:
            return b""
        block = {"type": "redacted_thinking", "data": event.data}
        return self._close() + self._begin_block("thinking", block) + self._close()

    def _tool_begin(self, event: ToolBegin) -> bytes:
        self._called = True
        block = {"type": "tool_use", "id": _tool_id(event.id), "name": event.name, "input": {}}
        return self._close() + self._begin_block("tool", block, "input_json_delta", "partial_json")

    def _tool_arguments(self, event: ToolArguments) -> bytes:
        return self._delta(event.arguments)

    def _tool_end(self, event: ToolEnd) -> bytes:
        return self._close()

    def _note_usage(self, event: UsageReport) -> bytes:
        self._usage = event.usage
        return b""

    def _note_finish(self, event: Finish) -> bytes:
        self._finish = event
        return b""

    def _piece(self, kind: Literal["text", "thinking"], text: str) -> bytes:
        out = b""
        if self._open != kind:
            out = self._close() + self._begin_block(kind, _EMPTY[kind], f"{kind}_delta", kind)
        return out + self._delta(text)

    def _begin_block(
        self, kind: Literal["text", "thinking", "tool"], block: dict[str, Any], delta: str = "", field: str = ""
    ) -> bytes:
        self._open = kind
        self._index += 1
        self._before = (
            f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{self._index},'
            f'"delta":{{"type":"{delta}","{field}":'
        ).encode()
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return encode_event(start, "content_block_start")

    def _delta(self, text: str) -> bytes:
        return self._before + _encode(text) + b"}}\n\n"

    def _close(self) -> bytes:
        """Close the open block, if there is one."""
        if not self._open:
            return b""
        self._open = ""
        return encode_event({"type": "content_block_stop", "index": self._index}, "content_block_stop")

    def _message(self, id_: str, model: str) -> dict[str, Any]:
        """Return a message without content, as a stream begins with it: its usage is reported at the end."""
        return {
            "id": id_ or f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }


def _tool_id(id_: str) -> str:
    """Return the id of a tool call: another one where Anthropic's models would refuse it in the next turn.

    Some servers number the calls (``functions.f:0``) from 0 in each answer, so the new id has nothing of the old one.
    """
    return id_ if _VALID_ID.fullmatch(id_) else f"toolu_{uuid.uuid4().hex}"


def _nothing(event: Event) -> bytes:
    return b""


def _thinking_block(block: ThinkingBlock) -> dict[str, Any]:
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.redacted}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature}


def _usage_shape(usage: Usage) -> dict[str, Any]:
    """Return a usage in Anthropic's form, which has no unknown counts (0).

    Its prompt tokens exclude those that the cache read or wrote.
    """
    read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    return {
        "input_tokens": max(0, (usage.input_tokens or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.output_tokens or 0,
    }
