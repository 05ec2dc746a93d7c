"""Reading OpenAI's answers: chat completions, whole and in chunks.

Reference: https://platform.openai.com/docs/api-reference/chat. Servers that are compatible differ in small things, so
only what is needed is looked at, and what has another type than expected is passed over where that is possible.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.observation import NOTHING, Notes

DONE = b"[DONE]"


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None  # a few servers give it parsed


class _Custom(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class _Tool(msgspec.Struct):
    index: int | None = None
    function: _Function | None = None
    custom: _Custom | None = None  # takes any text, not a JSON object


class _Said(msgspec.Struct):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[_Tool] | None = None
    function_call: _Function | None = None  # what tool_calls was before there were several


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek's name for it


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = NOTHING


_decoder = msgspec.json.Decoder(_Answer)


class OpenAIObserver:
    """Notes what is in OpenAI's answers; of several choices, the first."""

    def __init__(self) -> None:
        self.notes = Notes()

    def event(self, data: bytes) -> bool:
        """Read the data of one event; tell whether it holds nothing but the usage."""
        notes = self.notes
        if data == DONE:
            notes.ended = True
            return False
        try:
            answer = _decoder.decode(data)
        except msgspec.MsgspecError:
            notes.malformed += 1
            return False
        if answer.error != NOTHING:
            notes.error = bytes(answer.error)
            return False
        self._read(answer)
        return answer.usage is not None and answer.choices == []

    def whole(self, body: bytes) -> None:
        """Read an answer that is no stream."""
        answer = _decoder.decode(body)
        if answer.error != NOTHING and not answer.choices:
            self.notes.error = bytes(answer.error)
            return
        if not answer.choices:
            raise msgspec.ValidationError("there is no choice in it")
        self._read(answer)
        self.notes.ended = True

    def _read(self, answer: _Answer) -> None:
        notes = self.notes
        if notes.response_id is None:
            notes.response_id = answer.id
        if notes.model is None:
            notes.model = answer.model
        for choice in answer.choices or ():
            notes.started = True
            if choice.index != 0:
                continue
            if choice.finish_reason is not None:
                notes.finish = choice.finish_reason
            said = choice.delta or choice.message
            if said is not None:
                self._read_said(said)
        if answer.usage is not None:
            self._read_usage(answer.usage)

    def _read_said(self, said: _Said) -> None:
        notes = self.notes
        if isinstance(said.content, str):
            notes.text(said.content)
        elif said.content:
            for part in said.content:
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    notes.text(part["text"])
        if said.refusal:
            notes.refused = True
            notes.text(said.refusal)
        for at, tool in enumerate(said.tool_calls or ()):
            index = at if tool.index is None else tool.index
            if tool.custom is not None:
                notes.tool(index, tool.custom.name or "", tool.custom.input or "", free_text=True)
            else:
                self._read_call(index, tool.function or _Function())
        if said.function_call is not None:
            self._read_call(0, said.function_call)

    def _read_call(self, index: int, function: _Function) -> None:
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        self.notes.tool(index, function.name or "", arguments)

    def _read_usage(self, usage: _Usage) -> None:
        notes = self.notes
        notes.told_usage = True
        notes.input_tokens = usage.prompt_tokens
        notes.output_tokens = usage.completion_tokens
        if usage.total_tokens and usage.prompt_tokens is not None and usage.completion_tokens is not None:
            # Some (xAI, Gemini) leave reasoning out of what they call completion, and have it in the total.
            notes.output_tokens = max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens)
        details = usage.prompt_tokens_details or _PromptDetails()
        cached = details.cached_tokens
        notes.cached_tokens = usage.prompt_cache_hit_tokens if cached is None else cached
        notes.cache_write_tokens = details.cache_write_tokens
