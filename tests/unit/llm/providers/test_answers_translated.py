from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.providers.dialects.anthropic import AnthropicReader
from pointsman.llm.providers.dialects.sse import encode_event
from pointsman.llm.translate.anthropic_answer_to_openai import AnthropicAnswerToOpenAI
from pointsman.llm.translate.converse_answer_to_anthropic import ConverseEvents, converse_to_anthropic
from pointsman.llm.translate.openai_answer_to_anthropic import OpenAIAnswerToAnthropic
from tests.support.provider_answers import (
    ANTHROPIC,
    CONVERSE_EVENTS,
    CONVERSE_USAGE,
    FIRST,
    MIXED,
    OPENAI,
    OPENAI_USAGE,
    SECOND,
    anthropic_events,
    call,
    chunk,
)
from tests.support.provider_streams import anthropic_message, datas, openai_answer


def through(translator: Any, values: list[Any]) -> bytes:
    out = b"".join(
        translator.event(value if isinstance(value, bytes) else msgspec.json.encode(value)) for value in values
    )
    return out + bytes(translator.end())


def test_anthropics_answer_in_openais_form() -> None:
    translated = msgspec.json.decode(AnthropicAnswerToOpenAI(99, False).whole(msgspec.json.encode(ANTHROPIC)))
    assert translated == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 99,
        "model": "claude-x",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "I set both.",
                    "refusal": None,
                    "tool_calls": [
                        {"id": "t1", "type": "function", "function": {"name": "set_points", "arguments": '{"at":3}'}},
                        {"id": "t2", "type": "function", "function": {"name": "list_points", "arguments": "{}"}},
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": OPENAI_USAGE,
    }


@pytest.mark.parametrize("asked", [True, False])
def test_anthropics_stream_in_openais_form(asked: bool) -> None:
    stream = through(AnthropicAnswerToOpenAI(99, asked), anthropic_events())
    assert openai_answer(stream) == {
        "id": "msg_1",
        "model": "claude-x",
        "text": "I set both.",
        "calls": [
            {"id": "t1", "name": "set_points", "arguments": '{"at": 3}'},
            {"id": "t2", "name": "list_points", "arguments": "{}"},
        ],
        "finish_reason": "tool_calls",
        "usage": OPENAI_USAGE if asked else None,
    }
    assert (b'"usage"' in stream) == asked


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("brand_new", "stop"),
    ],
)
def test_anthropics_stop_in_openais_words(stop: str, finish: str) -> None:
    body = msgspec.json.encode({**ANTHROPIC, "stop_reason": stop})
    translated = msgspec.json.decode(AnthropicAnswerToOpenAI(0, False).whole(body))
    assert translated["choices"][0]["finish_reason"] == finish


EXPECTED = {
    "id": "chatcmpl-1",
    "type": "message",
    "role": "assistant",
    "model": "gpt-x",
    "content": [
        {"type": "text", "text": "I set both."},
        {"type": "tool_use", "id": "c1", "name": "set_points", "input": {"at": 3}},
        {"type": "tool_use", "id": "c2", "name": "list_points", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": ANTHROPIC["usage"],
}


IN_ORDER = [FIRST, call(0, '{"at"'), call(0, ": 3}"), SECOND]
AT_ONCE = [{"tool_calls": FIRST["tool_calls"] + SECOND["tool_calls"]}, call(0, '{"at": 3}')]


def test_openais_answer_in_anthropics_form() -> None:
    translated = msgspec.json.decode(OpenAIAnswerToAnthropic("m").whole(msgspec.json.encode(OPENAI)))
    assert translated == EXPECTED


@pytest.mark.parametrize("calls", [IN_ORDER, MIXED, AT_ONCE], ids=["in order", "mixed", "at once"])
@pytest.mark.parametrize("ending", [[b"[DONE]"], []], ids=["done", "no done"])
def test_openais_stream_in_anthropics_form(calls: list[dict[str, Any]], ending: list[bytes]) -> None:
    values = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "I set "}),
        chunk({"content": "both."}),
        *(chunk(each) for each in calls),
        chunk({}, "tool_calls"),
        chunk(None, usage=OPENAI_USAGE),
        *ending,
    ]
    assert anthropic_message(through(OpenAIAnswerToAnthropic("m"), values)) == EXPECTED


def test_arguments_of_a_tool_are_passed_on_while_they_come() -> None:
    translator = OpenAIAnswerToAnthropic("m")
    translator.event(msgspec.json.encode(chunk(FIRST)))
    out = translator.event(msgspec.json.encode(chunk(call(0, '{"at"'))))
    assert [msgspec.json.decode(data)["delta"]["partial_json"] for data in datas(out)] == ['{"at"']


def test_text_after_a_tool_call_is_a_block_of_its_own() -> None:
    values = [chunk(each) for each in (FIRST, call(0, "{}"), {"content": "Done."})] + [chunk({}, "stop")]
    message = anthropic_message(through(OpenAIAnswerToAnthropic("m"), values))
    assert [block["type"] for block in message["content"]] == ["tool_use", "text"]


def test_refusal_is_text_and_a_stop_reason() -> None:
    values = [chunk({"refusal": "No."}), chunk({}, "stop")]
    message = anthropic_message(through(OpenAIAnswerToAnthropic("m"), values))
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_stream_that_broke_off_has_no_end() -> None:
    assert b"message_stop" not in through(OpenAIAnswerToAnthropic("m"), [chunk({"content": "I"})])


@pytest.mark.parametrize("arguments", ["{", "[1]", "3"])
def test_arguments_that_are_no_object_cannot_be_translated_to_anthropic(arguments: str) -> None:
    function = {"name": "f", "arguments": arguments}
    message = {"content": None, "tool_calls": [{"id": "c", "function": function}]}
    body = msgspec.json.encode({"id": "x", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}]})
    with pytest.raises(ValueError, match=r"JSON|truncated"):
        OpenAIAnswerToAnthropic("m").whole(body)


def test_there_and_back_is_the_same_answer() -> None:
    events = datas(
        through(OpenAIAnswerToAnthropic("m"), [chunk({"content": "Hi"}), *map(chunk, MIXED), chunk({}, "tool_calls")])
    )
    back = openai_answer(through(AnthropicAnswerToOpenAI(0, False), list(events)))
    assert back["text"] == "Hi"
    assert [(c["id"], c["name"], msgspec.json.decode(c["arguments"])) for c in back["calls"]] == [
        ("c1", "set_points", {"at": 3}),
        ("c2", "list_points", {}),
    ]


FROM_CONVERSE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "nova",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I set both."},
        {"type": "tool_use", "id": "t1", "name": "set_points", "input": {"at": 3}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": ANTHROPIC["usage"],
}


def test_converses_answer_in_anthropics_form() -> None:
    answer = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                    {"text": "I set both."},
                    {"toolUse": {"toolUseId": "t1", "name": "set_points", "input": {"at": 3}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": CONVERSE_USAGE,
        "metrics": {"latencyMs": 5},
    }
    assert converse_to_anthropic(answer, "nova", "msg_1") == FROM_CONVERSE


def test_converses_stream_in_anthropics_form() -> None:
    translator = ConverseEvents("nova", "msg_1")
    events = [event for kind, payload in CONVERSE_EVENTS for event in translator.event(kind, payload)]
    events += translator.end()
    assert anthropic_message(b"".join(encode_event(event, event["type"]) for event in events)) == FROM_CONVERSE


def test_usage_is_unknown_before_converse_reports_it() -> None:
    translator, observer = ConverseEvents("nova", "msg_1"), AnthropicReader()
    for kind, payload in CONVERSE_EVENTS[:-1]:
        for event in translator.event(kind, payload):
            observer.event(msgspec.json.encode(event))
    assert observer.recorder.completion(200).usage is None


def test_converses_stream_without_metadata_has_an_end() -> None:
    translator = ConverseEvents("nova", "msg_1")
    events = [event for kind, payload in CONVERSE_EVENTS[:-1] for event in translator.event(kind, payload)]
    assert [event["type"] for event in (*events, *translator.end())][-2:] == ["message_delta", "message_stop"]


def test_a_tool_that_runs_at_the_provider_is_passed_over_in_a_stream() -> None:
    translator = AnthropicAnswerToOpenAI(0, include_usage=False)
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": "{}"}
    for event in (
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
    ):
        assert translator.event(msgspec.json.encode(event)) == b""
