"""What is kept of an answer is bounded, whatever a provider sends."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.llm.answers import ordered
from pointsman.llm.answers import recorder as recording
from pointsman.llm.answers.events import ToolArguments, ToolBegin, ToolEnd, ToolPiece
from pointsman.llm.answers.ordered import OrderedEvents
from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.answers.recorder import AnswerReader, CompletionRecorder
from pointsman.llm.providers.answer.complete import client_headers
from pointsman.llm.providers.answer.pipeline import MAX_EMPTY_EVENTS, StreamPipeline
from pointsman.llm.providers.dialects.answer_json import MAX_OBJECT_BYTES, decode_answer, decode_object
from pointsman.llm.providers.dialects.errors import parse_error
from pointsman.llm.providers.dialects.sse import SseFraming
from pointsman.llm.providers.settings import ProviderSettings


def test_long_names_of_an_answer_are_unknown() -> None:
    recorder = CompletionRecorder(response_id="i" * 5000, model="m" * 5000, finish="f" * 5000)
    completion = recorder.completion(200)
    assert (completion.response_id, completion.model, completion.finish_reason) == (None, None, None)
    assert completion.complete


def test_arguments_past_the_bound_are_not_kept_and_not_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_ARGUMENT_CHARS", 100)
    monkeypatch.setattr(recording, "MAX_TOOL_CALLS", 3)
    recorder = CompletionRecorder()
    recorder.add_tool(10**9, "f", '{"a":"')
    for _ in range(100):
        recorder.add_arguments(10**9, "y" * 10)
    for index in range(100):
        recorder.add_tool(index, "g", "{}")
    calls = recorder.completion(200).tool_calls
    assert len(calls) == 3
    assert sum(len(call.arguments) for call in calls) <= 100
    assert not calls[-1].valid_json


def test_translated_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "MAX_ARGUMENT_CHARS", 100)
    monkeypatch.setattr(ordered, "MAX_TOOL_CALLS", 3)
    events = OrderedEvents()
    events.feed([ToolPiece(0, "t", "f", "y" * 100)])
    with pytest.raises(ValueError, match="too long"):
        events.feed([ToolPiece(0, arguments="y")])
    events = OrderedEvents()
    with pytest.raises(ValueError, match="too many"):
        for call in range(4):
            events.feed([ToolPiece(call, "t", "f", "{}")])


def test_a_call_that_is_checked_too_often_ends_with_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "MAX_CHECKED_CHARS", 10)
    events = OrderedEvents()
    first = events.feed([ToolPiece(0, "t0", "f", '{"a":"'), ToolPiece(1, "t1", "g", "{}")])
    assert first == [ToolBegin("t0", "f"), ToolArguments('{"a":"')]
    for piece in ("}}}}}}", '"}'):
        assert events.feed([ToolPiece(0, arguments=piece)]) == [ToolArguments(piece)]
    assert events.end() == [ToolEnd(), ToolBegin("t1", "g"), ToolArguments("{}"), ToolEnd()]


@pytest.mark.parametrize(
    ("reader", "event"),
    [
        (OpenAIReader(), b":\n\n"),
        (OpenAIReader(), b"\n\n"),
        (OpenAIReader(), b"data: {}\n\n"),
        (OpenAIReader(), b"data: x\n\n"),
        (AnthropicReader(), b'data: {"type":"ping"}\n\n'),
    ],
)
def test_events_without_content_are_bounded(reader: AnswerReader, event: bytes) -> None:
    pipeline = StreamPipeline(SseFraming(), reader)
    assert pipeline.feed(event * MAX_EMPTY_EVENTS) == event * MAX_EMPTY_EVENTS
    with pytest.raises(ValueError, match="too many events"):
        pipeline.feed(event)
        pipeline.feed(event)


def test_json_that_would_fill_the_memory_is_not_decoded() -> None:
    with pytest.raises(msgspec.DecodeError, match="too many"):
        decode_answer(msgspec.json.Decoder(), b"[" + b"{}," * 1_000_001 + b"{}]")
    with pytest.raises(msgspec.DecodeError, match="too long"):
        decode_object(b" " * (MAX_OBJECT_BYTES + 1))


@pytest.mark.parametrize("depth", [300, 990, 2000, 100_000])
def test_nested_json_is_read_or_malformed(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    reader = OpenAIReader()
    reader.event(b'{"choices":[],"x":' + nested + b"}")
    assert reader.recorder.malformed in (0, 1)
    with pytest.raises(msgspec.MsgspecError):
        reader.whole(b'{"choices":[],"x":' + nested + b"}")
    assert parse_error(b'{"error":{"message":' + nested + b"}}") is not None


def test_headers_for_clients_are_few_and_short() -> None:
    many = {f"X-RateLimit-{at}": "x" * (1 + 100 * (at % 10)) for at in range(1000)}
    found = client_headers(many, ProviderSettings(ProviderConfig(name="p", kind="openai"), {}))
    assert 0 < sum(len(name) + len(value) for name, value in found.items()) < 8000
