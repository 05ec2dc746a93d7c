"""A reader and a writer together, as the gateway uses them for a client of another dialect."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.answers.recorder import AnswerReader
from pointsman.llm.answers.translator import AnswerWriter, WrittenAnswer
from pointsman.llm.answers.write_anthropic import AnthropicWriter
from pointsman.llm.answers.write_openai import OpenAIWriter


class Translation:
    """Translates one answer; ``tool_names`` as of a request whose names of tools were changed."""

    def __init__(self, reader: AnswerReader, writer: AnswerWriter, tool_names: Mapping[str, str] = {}) -> None:
        self.reader = reader
        reader.tool_names = tool_names
        self.written = WrittenAnswer(writer)

    def whole(self, body: bytes) -> bytes:
        return self.written.whole(body, self.reader.whole(body))

    def event(self, data: bytes) -> bytes:
        return self.written.event(data, self.reader.event(data))

    def end(self) -> bytes:
        return self.written.end()


def anthropic_to_openai(created_s: int = 0, include_usage: bool = False, *, thinking: bool = False) -> Translation:
    return Translation(AnthropicReader(), OpenAIWriter(created_s, include_usage, thinking=thinking))


def openai_to_anthropic(model: str = "m", *, thinking: bool = False) -> Translation:
    return Translation(OpenAIReader(), AnthropicWriter(model, thinking=thinking))
