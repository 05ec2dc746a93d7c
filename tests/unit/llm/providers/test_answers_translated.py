from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_converse import ConverseEvents, converse_to_anthropic
from pointsman.llm.conversation.form import UNREADABLE
from pointsman.llm.providers.dialects.sse import encode_event
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
from tests.support.translations import anthropic_to_openai, openai_to_anthropic


def through(translator: Any, values: list[Any]) -> bytes:
    out = b"".join(
        translator.event(value if isinstance(value, bytes) else msgspec.json.encode(value)) for value in values
    )
    return out + bytes(translator.end())


def test_anthropics_answer_in_openais_form() -> None:
    translated = msgspec.json.decode(anthropic_to_openai(99, False).whole(msgspec.json.encode(ANTHROPIC)))
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
    stream = through(anthropic_to_openai(99, asked), anthropic_events())
    assert openai_answer(stream) == {
        "id": "msg_1",
        "model": "claude-x",
        "text": "I set both.",
        "calls": [
            {"id": "t1", "name": "set_points", "arguments": '{"at": 3}'},
            {"id": "t2", "name": "list_points", "arguments": "{}"},
        ],
        "finish_reason": "tool_calls",
        "reasoning": "",
        "usage": OPENAI_USAGE if asked else None,
    }
    assert (b'"usage"' in stream) == asked


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("stop", "with_text", "with_call"),
    [
        ("end_turn", "stop", "tool_calls"),
        ("tool_use", "stop", "tool_calls"),
        ("stop_sequence", "stop", "tool_calls"),
        ("max_tokens", "length", "length"),
        ("refusal", "content_filter", "content_filter"),
        ("model_context_window_exceeded", "length", "length"),
        ("guardrail_intervened", "content_filter", "content_filter"),
        ("brand_new", "stop", "tool_calls"),
    ],
)
def test_anthropics_stop_in_openais_words(stop: str, with_text: str, with_call: str, stream: bool) -> None:
    for block, finish in (({"type": "text", "text": "Hi"}, with_text), (ANTHROPIC["content"][3], with_call)):
        if not stream:
            body = msgspec.json.encode({**ANTHROPIC, "content": [block], "stop_reason": stop})
            answer = msgspec.json.decode(anthropic_to_openai(0, False).whole(body))["choices"][0]
        else:
            events: list[Any] = [
                {"type": "message_start", "message": {**ANTHROPIC, "content": []}},
                {"type": "content_block_start", "index": 0, "content_block": block},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": stop}},
                {"type": "message_stop"},
            ]
            answer = openai_answer(through(anthropic_to_openai(0, False), events))
        assert answer["finish_reason"] == finish


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("finish", "with_text", "with_call"),
    [
        ("stop", "end_turn", "tool_use"),
        ("tool_calls", "end_turn", "tool_use"),
        ("function_call", "end_turn", "tool_use"),
        ("eos_token", "end_turn", "tool_use"),
        ("end_turn", "end_turn", "tool_use"),
        ("length", "max_tokens", "max_tokens"),
        ("max_tokens", "max_tokens", "max_tokens"),
        ("content_filter", "refusal", "refusal"),
    ],
)
def test_openais_finish_in_anthropics_words(finish: str, with_text: str, with_call: str, stream: bool) -> None:
    for message, stop in (({"content": "Hi"}, with_text), ({"content": None, "tool_calls": [CALL]}, with_call)):
        if stream:
            translated = through(openai_to_anthropic(), [chunk(message), chunk({}, finish), b"[DONE]"])
            answer = anthropic_message(translated)
        else:
            body = msgspec.json.encode({"choices": [{"message": message, "finish_reason": finish}]})
            answer = msgspec.json.decode(openai_to_anthropic().whole(body))
        assert answer["stop_reason"] == stop


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
    translated = msgspec.json.decode(openai_to_anthropic("m").whole(msgspec.json.encode(OPENAI)))
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
    assert anthropic_message(through(openai_to_anthropic("m"), values)) == EXPECTED


def test_arguments_of_a_tool_are_passed_on_while_they_come() -> None:
    translator = openai_to_anthropic("m")
    translator.event(msgspec.json.encode(chunk(FIRST)))
    out = translator.event(msgspec.json.encode(chunk(call(0, '{"at"'))))
    assert [msgspec.json.decode(data)["delta"]["partial_json"] for data in datas(out)] == ['{"at"']


def test_text_after_a_tool_call_is_a_block_of_its_own() -> None:
    values = [chunk(each) for each in (FIRST, call(0, "{}"), {"content": "Done."})] + [chunk({}, "stop")]
    message = anthropic_message(through(openai_to_anthropic("m"), values))
    assert [block["type"] for block in message["content"]] == ["tool_use", "text"]


def test_refusal_is_text_and_a_stop_reason() -> None:
    values = [chunk({"refusal": "No."}), chunk({}, "stop")]
    message = anthropic_message(through(openai_to_anthropic("m"), values))
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_stream_that_broke_off_has_no_end() -> None:
    assert b"message_stop" not in through(openai_to_anthropic("m"), [chunk({"content": "I"})])


@pytest.mark.parametrize("arguments", ['{"path":"a.txt","text":"half of', "[1]", "3", '{"a":1}{"b":2}', "{" * 5000])
def test_arguments_that_are_no_object_are_kept_as_text(arguments: str) -> None:
    function = {"name": "f", "arguments": arguments}
    message = {"content": "I write.", "tool_calls": [{"id": "c", "function": function}]}
    body = msgspec.json.encode({"id": "x", "model": "m", "choices": [{"message": message, "finish_reason": "length"}]})
    answer = msgspec.json.decode(openai_to_anthropic("m").whole(body))
    assert answer["stop_reason"] == "max_tokens"
    assert answer["content"] == [
        {"type": "text", "text": "I write."},
        {"type": "tool_use", "id": "c", "name": "f", "input": {UNREADABLE: arguments}},
    ]


def test_arguments_that_are_cut_off_in_a_stream_are_passed_on_as_far_as_they_came() -> None:
    values = [chunk({"content": "I write."}), chunk(FIRST), chunk(call(0, '{"at":')), chunk({}, "length"), b"[DONE]"]
    events = [msgspec.json.decode(data) for data in datas(through(openai_to_anthropic("m"), values))]
    assert [event["delta"].get("partial_json") for event in events if event["type"] == "content_block_delta"] == [
        None,
        '{"at":',
    ]
    assert [event["type"] for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"


def test_there_and_back_is_the_same_answer() -> None:
    events = datas(
        through(openai_to_anthropic("m"), [chunk({"content": "Hi"}), *map(chunk, MIXED), chunk({}, "tool_calls")])
    )
    back = openai_answer(through(anthropic_to_openai(0, False), list(events)))
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
    translator = anthropic_to_openai(0, include_usage=False)
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": "{}"}
    for event in (
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
    ):
        assert translator.event(msgspec.json.encode(event)) == b""
