"""Writer of OpenAI's answers: chat completions, complete and in chunks.

Thinking is ``reasoning_content``, as in DeepSeek's API, which most clients know; OpenAI's own has no field for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

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
from pointsman.llm.answers.finish import agreed_reason, openai_reason
from pointsman.llm.answers.recorder import MAX_NAME_CHARS
from pointsman.llm.completion import Usage

_DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.encode


class OpenAIWriter:
    """Writes one answer.

    Parameters
    ----------
    created_s: Unix seconds; only OpenAI's answers have it.
    include_usage: The client requested the usage at the end of a stream.
    thinking: The client requested the model's thinking.
    model: Where the provider sends no name.
    """

    def __init__(self, created_s: int, include_usage: bool, *, thinking: bool = False, model: str = "") -> None:
        self._created_s = created_s
        self._include_usage = include_usage
        self._thinking = thinking
        self._envelope: dict[str, Any] = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": created_s,
            "model": model,
        }
        self._before = self._after = b""  # around the delta of a chunk
        self._call = -1
        self._has_arguments = False
        self._refused = False
        self._finish: Finish | None = None
        self._usage = Usage()
        self._ended = False
        self._writers: dict[type[Event], Callable[[Any], bytes]] = {
            Begin: self._begin,
            TextPiece: self._text,
            RefusalPiece: self._refusal,
            ThinkingPiece: self._think,
            Signature: _nothing,
            Redacted: _nothing,
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
        texts = [block.text for block in answer.blocks if isinstance(block, TextBlock)]
        thoughts = [block.text for block in answer.blocks if isinstance(block, ThinkingBlock) and block.text]
        calls = [
            {
                "id": block.id,
                "type": "function",
                "function": {"name": block.name, "arguments": block.arguments or "{}"},
            }
            for block in answer.blocks
            if isinstance(block, ToolBlock)
        ]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(texts) if texts or not calls else None,
            "refusal": None,
        }
        if thoughts and self._thinking:
            message["reasoning_content"] = "\n".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": openai_reason(answer.finish or "stop"),
        }
        return _encode(
            {
                "id": answer.id,
                "object": "chat.completion",
                "created": self._created_s,
                "model": answer.model or self._envelope["model"],
                "choices": [choice],
                "usage": _usage_shape(answer.usage),
            }
        )

    def events(self, events: Iterable[Event]) -> bytes:
        """Return more of a stream."""
        return b"".join([self._writers[type(event)](event) for event in events])

    def end(self) -> bytes:
        """Return the end of a stream: the finish reason, and the usage if it was requested."""
        if self._ended or self._finish is None:
            return b""
        self._ended = True
        reason = agreed_reason(self._finish.reason, calls=self._call >= 0, refused=self._refused)
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": openai_reason(reason)}
        out = _event({**self._envelope, "choices": [choice], **({"usage": None} if self._include_usage else {})})
        if self._include_usage:
            out += _event({**self._envelope, "choices": [], "usage": _usage_shape(self._usage)})
        return out + _DONE

    def _begin(self, event: Begin) -> bytes:
        # Every chunk repeats id and model.
        self._envelope["id"] = event.id[:MAX_NAME_CHARS]
        self._envelope["model"] = (event.model or self._envelope["model"])[:MAX_NAME_CHARS]
        return self._chunk({"role": "assistant", "content": ""})

    def _text(self, event: TextPiece) -> bytes:
        return self._chunk({"content": event.text})

    def _refusal(self, event: RefusalPiece) -> bytes:
        self._refused = True
        return self._chunk({"content": event.text})

    def _think(self, event: ThinkingPiece) -> bytes:
        return self._chunk({"reasoning_content": event.text}) if self._thinking else b""

    def _tool_begin(self, event: ToolBegin) -> bytes:
        self._call += 1
        self._has_arguments = False
        function = {"name": event.name, "arguments": ""}
        call = {"index": self._call, "id": event.id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _tool_arguments(self, event: ToolArguments) -> bytes:
        self._has_arguments = True
        return self._arguments(event.arguments)

    def _tool_end(self, event: ToolEnd) -> bytes:
        # A call without arguments has no piece of them, and OpenAI's clients parse the arguments.
        return self._arguments("{}") if not self._has_arguments else b""

    def _note_usage(self, event: UsageReport) -> bytes:
        self._usage = event.usage
        return b""

    def _note_finish(self, event: Finish) -> bytes:
        self._finish = event
        return b""

    def _chunk(self, delta: dict[str, Any]) -> bytes:
        if not self._before:
            # Everything but the delta is the same in each chunk, and is encoded once.
            self._before = b"data: " + _encode(self._envelope)[:-1] + b',"choices":[{"index":0,"delta":'
            usage = b',"usage":null' if self._include_usage else b""
            self._after = b',"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
        return self._before + _encode(delta) + self._after

    def _arguments(self, text: str) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._call, "function": {"arguments": text}}]})


def _nothing(event: Event) -> bytes:
    return b""


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"


def _usage_shape(usage: Usage) -> dict[str, Any]:
    """Return a usage in OpenAI's form, which has no unknown counts: 0."""
    prompt, answer = usage.input_tokens or 0, usage.output_tokens or 0
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }
