"""Reader of OpenAI's answers: chat completions, complete and in chunks.

Reference: https://platform.openai.com/docs/api-reference/chat. Compatible servers differ in details, so only the fields
that are needed are declared.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.recorder import ABSENT, CompletionRecorder, json_text
from pointsman.llm.providers.dialects.usage import openai_usage

DONE = b"[DONE]"


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = ABSENT  # a string; a few servers return it decoded


class _Custom(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class _Tool(msgspec.Struct):
    index: int | None = None
    function: _Function | None = None
    custom: _Custom | None = None  # accepts any text, not a JSON object


class _OpenAIMessage(msgspec.Struct):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[_Tool] | None = None
    function_call: _Function | None = None  # the predecessor of tool_calls


class _OpenAIChoice(msgspec.Struct):
    index: int = 0
    delta: _OpenAIMessage | None = None
    message: _OpenAIMessage | None = None
    finish_reason: str | None = None


class _OpenAIAnswer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_OpenAIChoice] | None = None
    usage: Any = None  # checked where it is read
    error: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_OpenAIAnswer)


class OpenAIReader:
    """Reads OpenAI's answers; of several choices, the first."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()

    def event(self, data: bytes) -> bool:
        """Read the data of one event; return whether it holds nothing but the usage."""
        recorder = self.recorder
        if data == DONE:
            recorder.ended = True
            return False
        try:
            answer = decode_answer(_decoder, data)
        except msgspec.MsgspecError:
            recorder.malformed += 1
            return False
        if answer.error != ABSENT:
            recorder.error = bytes(answer.error)
            return False
        if answer.choices:
            recorder.filled_events += 1
        self._read(answer)
        return answer.usage is not None and answer.choices == []

    def whole(self, body: bytes) -> None:
        """Read an answer that is not a stream."""
        answer = decode_answer(_decoder, body)
        if answer.error != ABSENT and not answer.choices:
            self.recorder.error = bytes(answer.error)
            return
        if not answer.choices:
            raise msgspec.ValidationError("the answer has no choices")
        self._read(answer)
        self.recorder.ended = True

    def _read(self, answer: _OpenAIAnswer) -> None:
        recorder = self.recorder
        if recorder.response_id is None:
            recorder.response_id = answer.id
        if recorder.model is None:
            recorder.model = answer.model
        for choice in answer.choices or ():
            recorder.started = True
            if choice.index != 0:
                continue
            if choice.finish_reason is not None:
                recorder.finish = choice.finish_reason
            message = choice.delta or choice.message
            if message is not None:
                self._read_message(message)
        if answer.usage is not None:
            recorder.usage = openai_usage(answer.usage, recorder.usage_faults)

    def _read_message(self, message: _OpenAIMessage) -> None:
        recorder = self.recorder
        if isinstance(message.content, str):
            recorder.add_text(message.content)
        elif message.content:
            for part in message.content:
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    recorder.add_text(part["text"])
        if message.refusal:
            recorder.refused = True
            recorder.add_text(message.refusal)
        for at, tool in enumerate(message.tool_calls or ()):
            index = at if tool.index is None else tool.index
            if tool.custom is not None:
                recorder.add_tool(index, tool.custom.name or "", tool.custom.input or "", free_text=True)
            else:
                self._read_call(index, tool.function or _Function())
        if message.function_call is not None:
            self._read_call(0, message.function_call)

    def _read_call(self, index: int, function: _Function) -> None:
        self.recorder.add_tool(index, function.name or "", json_text(function.arguments))
