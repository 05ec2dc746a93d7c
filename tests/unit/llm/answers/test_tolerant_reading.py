"""What compatible servers send in other ways than OpenAI and Anthropic."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.answers.write_anthropic import AnthropicWriter
from pointsman.llm.answers.write_openai import OpenAIWriter
from tests.support.provider_answers import ANTHROPIC, anthropic_events, chunk
from tests.support.provider_streams import anthropic_message, openai_answer
from tests.support.translations import Translation, anthropic_to_openai, openai_to_anthropic


def through(translation: Translation, values: list[Any]) -> bytes:
    out = b"".join(
        translation.event(value if isinstance(value, bytes) else msgspec.json.encode(value)) for value in values
    )
    return out + translation.end()


def streamed(deltas: list[dict[str, Any]], *, thinking: bool = False) -> list[dict[str, Any]]:
    values = [*map(chunk, deltas), chunk({}, "stop"), b"[DONE]"]
    content: list[dict[str, Any]] = anthropic_message(through(openai_to_anthropic(thinking=thinking), values))[
        "content"
    ]
    return content


def whole(message: dict[str, Any], *, thinking: bool = False) -> list[dict[str, Any]]:
    body = msgspec.json.encode({"choices": [{"message": message, "finish_reason": "stop"}]})
    content: list[dict[str, Any]] = msgspec.json.decode(openai_to_anthropic(thinking=thinking).whole(body))["content"]
    return content


def tool(arguments: Any, name: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"tool_calls": [{**fields, "function": {"name": name, "arguments": arguments}}]}


TWO_CALLS = {
    "as OpenAI": [
        tool("", "f", index=0, id="a"),
        tool('{"x":1}', index=0),
        tool("", "g", index=1, id="b"),
        tool('{"x":2}', index=1),
    ],
    "null index": [
        tool("", "f", index=None, id="a"),
        tool('{"x":1}', index=None),
        tool("", "g", index=None, id="b"),
        tool('{"x":2}'),
    ],
    "index 0 for both, as Gemini": [tool('{"x":1}', "f", index=0, id="a"), tool('{"x":2}', "g", index=0, id="b")],
    "no index": [tool('{"x":1}', "f", id="a"), tool('{"x":2}', "g", id="b")],
    "both in one event, without index": [
        {"tool_calls": tool('{"x":1}', "f", id="a")["tool_calls"] + tool('{"x":2}', "g", id="b")["tool_calls"]}
    ],
    "id and name in each piece": [
        tool('{"x"', "f", index=0, id="a"),
        tool(":1}", "f", index=0, id="a"),
        tool('{"x"', "g", index=1, id="b"),
        tool(":2}", "g", index=1, id="b"),
    ],
    "id after the name": [
        tool("", "f", index=0),
        tool('{"x":1}', index=0, id="a"),
        tool("", "g", index=1),
        tool('{"x":2}', index=1, id="b"),
    ],
    "decoded arguments": [tool({"x": 1}, "f", index=0, id="a"), tool({"x": 2}, "g", index=1, id="b")],
}


@pytest.mark.parametrize("deltas", TWO_CALLS.values(), ids=TWO_CALLS)
def test_two_calls_however_they_are_numbered(deltas: list[dict[str, Any]]) -> None:
    assert streamed(deltas) == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {"x": 2}},
    ]


@pytest.mark.parametrize("id_", [None, "", 7, "functions.f:0", "a b", "x" * 65])
def test_ids_that_an_anthropic_client_could_not_send_back_are_replaced(id_: Any) -> None:
    deltas = [tool('{"x":1}', "f", index=0, id=id_), tool('{"x":2}', "g", index=1, id=id_)]
    message = {"tool_calls": [*deltas[0]["tool_calls"], *deltas[1]["tool_calls"]]}
    for content in (streamed(deltas), whole(message)):
        assert [block["input"] for block in content] == [{"x": 1}, {"x": 2}]
        assert len({block["id"] for block in content}) == 2
        assert all(block["id"].startswith("toolu_") for block in content)


def test_text_within_a_call_comes_after_it() -> None:
    deltas = [tool('{"x"', "f", index=0, id="a"), {"content": "\n"}, tool(":1}", index=0), {"content": "Done."}]
    assert streamed(deltas) == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "text", "text": "\nDone."},
    ]


def test_more_after_complete_arguments_is_left_out() -> None:
    first = tool('{"x":1}', "f", index=0, id="a")
    second = tool('{"x":2}', "g", index=1, id="b")
    content = streamed([first, second, tool(" ", index=0), tool("{}", index=0)])
    assert [block["input"] for block in content] == [{"x": 1}, {"x": 2}]


THOUGHTS = {
    "DeepSeek": {"reasoning_content": "hm"},
    "OpenRouter": {"reasoning": "hm"},
    "both names": {"reasoning": "hm", "reasoning_content": "hm"},
    "Mistral": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    "Databricks": {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]},
}


@pytest.mark.parametrize("thought", THOUGHTS.values(), ids=THOUGHTS)
def test_thinking_reaches_a_client_that_asked_for_it(thought: dict[str, Any]) -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": ""}
    text = {"type": "text", "text": "Yes."}
    assert whole(thought, thinking=True) == [thinking]
    assert whole(thought) == []
    assert streamed([thought, {"content": "Yes."}], thinking=True) == [thinking, text]
    assert streamed([thought, {"content": "Yes."}]) == [text]


def test_signature_of_openrouter() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "sig"}]
    assert whole({"reasoning": "hm", "reasoning_details": details, "content": "Yes."}, thinking=True) == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "text", "text": "Yes."},
    ]


def test_anthropics_thinking_is_reasoning_content() -> None:
    body = msgspec.json.encode(ANTHROPIC)
    message = msgspec.json.decode(anthropic_to_openai(thinking=True).whole(body))["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert openai_answer(through(anthropic_to_openai(thinking=True), anthropic_events()))["reasoning"] == "hm"
    assert "reasoning_content" not in msgspec.json.decode(anthropic_to_openai().whole(body))["choices"][0]["message"]
    assert openai_answer(through(anthropic_to_openai(), anthropic_events()))["reasoning"] == ""


@pytest.mark.parametrize("stream", [False, True])
def test_names_of_tools_are_mapped_back(stream: bool) -> None:
    for writer in (OpenAIWriter(0, False), AnthropicWriter("m")):
        translation = Translation(AnthropicReader(), writer, {"set_points": "mcp.set points"})
        body = msgspec.json.encode(ANTHROPIC)
        out = through(translation, anthropic_events()) if stream else translation.whole(body)
        assert b'"mcp.set points"' in out
        assert b'"list_points"' in out
        assert b"set_points" not in out
        calls = translation.reader.recorder.completion(200).tool_calls
        assert [call.name for call in calls] == ["mcp.set points", "list_points"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"object": "error", "message": "out of memory"}, "out of memory"),
        (chunk({"content": "Hal"}, "error"), "failed"),
        ({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "gone"}}]}, "gone"),
        (chunk({"content": "Hal"}, "insufficient_system_resource"), "failed"),
    ],
)
def test_failures_within_a_stream_are_errors(event: dict[str, Any], message: str) -> None:
    reader = OpenAIReader()
    reader.event(msgspec.json.encode(event))
    assert reader.recorder.error is not None
    assert message in reader.recorder.error.decode()
    assert not reader.recorder.completion(200).complete


@pytest.mark.parametrize(
    "fields", [{"id": 5, "model": None}, {"object": 3}, {"usage": 7}, {"x_groq": 3}, {"created": "now"}]
)
def test_fields_of_other_types_are_as_if_absent(fields: dict[str, Any]) -> None:
    reader = OpenAIReader()
    reader.event(msgspec.json.encode({**chunk({"content": "Hi", "refusal": 3, "reasoning": []}, "stop"), **fields}))
    completion = reader.recorder.completion(200)
    assert (completion.text_head, completion.finish_reason, completion.malformed_events) == ("Hi", "stop", 0)
