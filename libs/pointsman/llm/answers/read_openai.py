"""Reader of OpenAI's answers: chat completions, complete and in chunks.

Reference: https://platform.openai.com/docs/api-reference/chat. Compatible servers differ in details, so only the fields
that are needed are declared, and a field of another type than OpenAI's is as if it were absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from pointsman.llm.answers.events import (
    Begin,
    End,
    Finish,
    Piece,
    RefusalPiece,
    Signature,
    TextPiece,
    ThinkingPiece,
    ToolPiece,
    UsageReport,
)
from pointsman.llm.answers.finish import FAILED_MIDWAY, exact_reason, read_reason
from pointsman.llm.answers.recorder import ABSENT, CompletionRecorder
from pointsman.llm.answers.tool_calls import ToolCallNumbers
from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.usage import merged_usage, openai_usage

DONE = b"[DONE]"


class _Function(msgspec.Struct):
    name: Any = None
    arguments: Any = None  # a string; a few servers return it decoded


class _Custom(msgspec.Struct):
    name: Any = None
    input: Any = None


class _Tool(msgspec.Struct):
    index: Any = None
    id: Any = None
    function: _Function | None = None
    custom: _Custom | None = None  # accepts any text, not a JSON object


class _Message(msgspec.Struct):
    content: Any = None  # a string, or a list of parts
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None  # the same in OpenRouter and newer versions of vLLM
    reasoning_details: Any = None  # OpenRouter: with signatures
    tool_calls: list[_Tool] | None = None
    function_call: _Function | None = None  # the predecessor of tool_calls


class _Choice(msgspec.Struct):
    index: Any = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: Any = UNSET
    usage: Any = None  # Moonshot's streams have it here
    error: Any = None  # OpenRouter


class _Answer(msgspec.Struct):
    id: Any = None
    model: Any = None
    object: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None  # checked where it is read
    x_groq: Any = None
    error: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_Answer)


class OpenAIReader:
    """Reads one answer; of several choices, the first."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self.tool_names: Mapping[str, str] = {}
        self.only_usage = False
        self._began = False
        self._has_reasons = False  # the server has the field for finish reasons
        self._calls = ToolCallNumbers()
        self._function_call: int | None = None

    def event(self, data: bytes) -> list[Piece]:
        """Read the data of one event."""
        recorder = self.recorder
        self.only_usage = False
        if data.startswith(DONE) and data.rstrip() == DONE:
            return self._done()
        try:
            answer = decode_answer(_decoder, data)
        except msgspec.MsgspecError:
            recorder.malformed += 1
            return []
        if answer.error != ABSENT or answer.object == "error":
            recorder.error = data if answer.error == ABSENT else bytes(answer.error)
            return []
        if answer.choices:
            recorder.filled_events += 1
        pieces = self._read(answer, streamed=True)
        self.only_usage = answer.usage is not None and answer.choices == []
        return pieces

    def whole(self, body: bytes) -> list[Piece]:
        """Read an answer that is not a stream."""
        answer = decode_answer(_decoder, body)
        if answer.error != ABSENT and not answer.choices:
            self.recorder.error = bytes(answer.error)
            return []
        if not answer.choices:
            raise msgspec.ValidationError("the answer has no choices")
        pieces = self._read(answer, streamed=False)
        if self.recorder.finish is None:
            self._add(pieces, Finish("stop"))
        self.recorder.ended = True
        return pieces

    def _done(self) -> list[Piece]:
        recorder = self.recorder
        pieces: list[Piece] = []
        # Without any finish reason where the server has the field, a model behind the server broke off.
        recorder.cut = recorder.finish is None and self._has_reasons
        recorder.ended = not recorder.cut
        if recorder.ended:
            if recorder.finish is None and self._began:
                self._add(pieces, Finish("stop"))
            pieces.append(End())
        return pieces

    def _add(self, pieces: list[Piece], piece: Piece) -> None:
        pieces.append(piece)
        self.recorder.record((piece,))

    def _read(self, answer: _Answer, *, streamed: bool) -> list[Piece]:
        recorder = self.recorder
        pieces: list[Piece] = []
        if recorder.response_id is None:
            recorder.response_id = _text(answer.id) or None
        if recorder.model is None:
            recorder.model = _text(answer.model) or None
        if answer.choices:
            recorder.started = True
            if not self._began:
                self._began = True
                pieces.append(Begin(recorder.response_id or "", recorder.model or ""))
        usage = answer.usage
        finish: Finish | None = None
        for choice in answer.choices or ():
            if choice.index not in (0, None):
                continue
            message = (choice.delta or choice.message) if streamed else (choice.message or choice.delta)
            if message is not None:
                self._read_message(message, pieces, streamed=streamed)
            finish = self._read_reason(choice) or finish
            usage = choice.usage if usage is None else usage
        if usage is None and isinstance(answer.x_groq, dict):
            usage = answer.x_groq.get("usage")
        if finish is not None:
            pieces.append(finish)
        if usage is not None:
            pieces.append(UsageReport(merged_usage(recorder.usage, openai_usage(usage, recorder.usage_faults))))
        recorder.record(pieces)
        return pieces

    def _read_reason(self, choice: _Choice) -> Finish | None:
        reason = choice.finish_reason
        self._has_reasons = self._has_reasons or reason is not UNSET
        if not isinstance(reason, str) or not reason:  # some servers write "" where others have null
            return None
        finish = Finish(read_reason(reason), exact_reason(reason))
        if finish.reason == FAILED_MIDWAY:
            error = choice.error or {"message": "the model failed before its end"}
            self.recorder.error = msgspec.json.encode(error)
        return finish

    def _read_message(self, message: _Message, pieces: list[Piece], *, streamed: bool) -> None:
        thinking = message.reasoning_content or message.reasoning
        if thinking and isinstance(thinking, str):
            pieces.append(ThinkingPiece(thinking))
        if isinstance(message.reasoning_details, list):
            pieces += [Signature(signature) for signature in map(_signature, message.reasoning_details) if signature]
        content = message.content
        if isinstance(content, str):
            if content:
                pieces.append(TextPiece(content))
        elif isinstance(content, list):
            for part in content:
                _read_part(part, pieces)
        if message.refusal and isinstance(message.refusal, str):
            pieces.append(RefusalPiece(message.refusal))
        if message.tool_calls:
            self._calls.next_chunk()
            for at, tool in enumerate(message.tool_calls):
                self._read_tool(at, tool, pieces, streamed=streamed)
        if message.function_call is not None:
            function = message.function_call
            name, arguments = self._name(function.name), _arguments(function.arguments)
            if self._function_call is None:
                self._function_call = self._calls.number(None, 0, "", name, arguments)
            pieces.append(ToolPiece(self._function_call, "", name, arguments))

    def _read_tool(self, at: int, tool: _Tool, pieces: list[Piece], *, streamed: bool) -> None:
        id_ = _text(tool.id)
        if tool.custom is not None:
            name, arguments = self._name(tool.custom.name), _text(tool.custom.input)
        else:
            function = tool.function or _Function()
            name, arguments = self._name(function.name), _arguments(function.arguments)
        # In a whole answer every entry is a call, whatever its index.
        call = self._calls.number(tool.index if streamed else at, at, id_, name, arguments)
        pieces.append(ToolPiece(call, id_, name, arguments, tool.custom is not None))

    def _name(self, name: Any) -> str:
        name = _text(name)
        return self.tool_names.get(name, name)


def _read_part(part: Any, pieces: list[Piece]) -> None:
    """Read one part of a content that is a list, which may also hold thinking (Mistral, Databricks)."""
    if not isinstance(part, dict):
        return
    if isinstance(part.get("text"), str):
        if part["text"]:
            pieces.append(
                ThinkingPiece(part["text"])
                if part.get("type") in ("thinking", "reasoning")
                else TextPiece(part["text"])
            )
        return
    inner = part.get("thinking") or part.get("summary")
    for each in inner if isinstance(inner, list) else [{"text": inner}]:
        if isinstance(each, dict) and each.get("text") and isinstance(each["text"], str):
            pieces.append(ThinkingPiece(each["text"]))
        if signature := _signature(each):
            pieces.append(Signature(signature))


def _signature(part: Any) -> str:
    return _text(part.get("signature")) if isinstance(part, dict) else ""


def _arguments(arguments: Any) -> str:
    """Return arguments as text; an empty object is what a server begins with before the first piece."""
    if isinstance(arguments, str):
        return arguments
    return msgspec.json.encode(arguments).decode() if arguments not in (None, {}) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
