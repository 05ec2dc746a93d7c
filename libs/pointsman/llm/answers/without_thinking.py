"""Removes the model's thinking from answers in Anthropic's dialect, for a client that did not request it.

Many clients read the first block of an answer as its text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.answers.events import Piece
from pointsman.llm.providers.dialects.answer_json import decode_object
from pointsman.llm.providers.dialects.sse import encode_event

_THINKING = frozenset({"thinking", "redacted_thinking"})


class AnthropicAnswerWithoutThinking:
    """Removes the thinking of one answer; the blocks of a stream are numbered again."""

    def __init__(self) -> None:
        self._removed = 0  # blocks so far; one block ends before the next begins
        self._hidden: int | None = None  # index of the last of them

    def whole(self, body: bytes, pieces: list[Piece]) -> bytes:
        """Return an answer that is not a stream."""
        answer = decode_object(body)
        content = [block for block in answer["content"] if block.get("type") not in _THINKING]
        return msgspec.json.encode({**answer, "content": content})

    def event(self, data: bytes, pieces: list[Piece]) -> bytes:
        """Return an event, or nothing for one of a thinking block."""
        event: dict[str, Any] = decode_object(data)
        index = event.get("index")
        if index is not None:
            if event["type"] == "content_block_start" and event["content_block"].get("type") in _THINKING:
                self._removed += 1
                self._hidden = index
            if index == self._hidden:
                return b""
            event["index"] = index - self._removed
        return encode_event(event, event["type"])

    def end(self) -> bytes:
        """Return nothing: what is left of a stream was sent."""
        return b""
