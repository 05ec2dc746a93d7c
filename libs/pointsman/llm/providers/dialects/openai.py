"""Reader of OpenAI's answers: chat completions, complete and in chunks.

Reference: https://platform.openai.com/docs/api-reference/chat. Compatible servers differ in details, so only the fields
that are needed are declared.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.recorder import ABSENT, CompletionRecorder, json_text
from pointsman.llm.providers.dialects.usage import merged_usage, openai_usage

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
    finish_reason: str | UnsetType | None = UNSET
    usage: Any = None  # Moonshot's streams have it here


class _GroqFields(msgspec.Struct):
    usage: Any = None


class _OpenAIAnswer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_OpenAIChoice] | None = None
    usage: Any = None  # checked where it is read
    x_groq: _GroqFields | None = None
    error: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_OpenAIAnswer)


class OpenAIReader:
    """Reads OpenAI's answers; of several choices, the first."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self._unfinished = False

    def event(self, data: bytes) -> bool:
        """Read the data of one event; return whether it holds nothing but the usage."""
        recorder = self.recorder
        if data.rstrip() == DONE:
            # Without any finish reason where the server has the field, a model behind the server broke off.
            recorder.cut = self._unfinished and recorder.finish is None
            recorder.ended = not recorder.cut
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
            if choice.finish_reason:  # some servers write "" where others have null
                recorder.finish = choice.finish_reason
            elif choice.finish_reason is not UNSET:
                self._unfinished = True
            if choice.usage is not None:
                self._read_usage(choice.usage)
            message = choice.delta or choice.message
            if message is not None:
                self._read_message(message)
        usage = answer.usage
        if usage is None and answer.x_groq is not None:
            usage = answer.x_groq.usage
        if usage is not None:
            self._read_usage(usage)

    def _read_usage(self, usage: Any) -> None:
        recorder = self.recorder
        recorder.usage = merged_usage(recorder.usage, openai_usage(usage, recorder.usage_faults))

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
