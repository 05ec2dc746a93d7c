from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.completion import TEXT_HEAD_CHARS
from pointsman.llm.providers.dialects.errors import parse_error
from tests.support.translations import anthropic_to_openai, openai_to_anthropic

NAMES = [
    "type",
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "index",
    "usage",
    "error",
    "finish_reason",
    "text",
    "id",
    "content_block",
    "partial_json",
    "prompt_tokens",
    "input_tokens",
    "code",
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)

JSON = VALUES.map(msgspec.json.encode)


@given(st.lists(JSON | st.binary(max_size=30), max_size=6))
def test_whatever_comes_is_survived(events: list[bytes]) -> None:
    for observer in (OpenAIReader(), AnthropicReader()):
        for event in events:
            observer.event(event)
            with suppress(msgspec.MsgspecError):
                observer.whole(event)
        observer.recorder.completion(200)
    for event in events:
        parse_error(event)


@given(JSON | st.binary(max_size=30))
def test_translations_of_nonsense_fail_as_documented(event: bytes) -> None:
    for translator in (anthropic_to_openai(0, True), openai_to_anthropic("m")):
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            translator.event(event)
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            translator.whole(event)


@pytest.mark.parametrize(
    ("message", "finish", "reason"),
    [
        ({"content": "x"}, "stop", "stop"),
        ({"content": None, "refusal": "No."}, "stop", "refusal"),
        ({"content": "", "function_call": {"name": "f", "arguments": "{}"}}, "function_call", "tool_calls"),
        ({"content": "x"}, "function_call", "stop"),
        ({"content": "x"}, "tool_calls", "stop"),
        ({"content": "x", "tool_calls": [{"function": {"name": "f"}}]}, "stop", "tool_calls"),
        ({"content": "x", "tool_calls": [{"function": {"name": "f"}}]}, "eos_token", "tool_calls"),
        ({"content": "x", "tool_calls": [{"function": {"name": "f"}}]}, "length", "length"),
        ({"content": "x", "tool_calls": [{"function": {"name": "f"}}]}, "", "tool_calls"),
        ({"content": "x"}, "content_filter", "content_filter"),
        ({"content": "x"}, "eos", "eos"),
        ({"content": [{"type": "text", "text": "x"}, {"type": "thinking"}]}, "stop", "stop"),
    ],
)
def test_end_of_an_openai_answer(message: dict[str, Any], finish: str, reason: str) -> None:
    observer = OpenAIReader()
    observer.whole(msgspec.json.encode({"choices": [{"message": message, "finish_reason": finish}]}))
    assert observer.recorder.completion(200).finish_reason == reason


@pytest.mark.parametrize(
    ("stop", "tools", "reason"),
    [
        ("end_turn", 0, "stop"),
        ("max_tokens", 0, "length"),
        ("refusal", 0, "refusal"),
        ("tool_use", 0, "stop"),
        ("end_turn", 1, "tool_calls"),
        ("max_tokens", 1, "length"),
    ],
)
def test_end_of_an_anthropic_answer(stop: str, tools: int, reason: str) -> None:
    observer = AnthropicReader()
    content = [{"type": "tool_use", "id": "t", "name": "f", "input": {}}] * tools
    observer.whole(msgspec.json.encode({"content": content, "stop_reason": stop}))
    assert observer.recorder.completion(200).finish_reason == reason


def test_head_of_the_text_is_kept_and_the_rest_is_counted() -> None:
    observer = OpenAIReader()
    for _ in range(50):
        observer.event(msgspec.json.encode({"choices": [{"delta": {"content": "äbcdefghij"}}]}))
    done = observer.recorder.completion(200)
    assert done.text_chars == 500
    assert done.text_head == ("äbcdefghij" * 50)[:TEXT_HEAD_CHARS]


def test_only_the_first_choice_is_looked_at() -> None:
    observer = OpenAIReader()
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in (1, 0)]
    observer.whole(msgspec.json.encode({"choices": choices}))
    assert observer.recorder.completion(200).text_head == "0"


def test_stream_left_in_the_middle_has_a_prompt_and_no_count_of_the_answer() -> None:
    observer = AnthropicReader()
    usage = {"input_tokens": 9, "output_tokens": 1}
    observer.event(msgspec.json.encode({"type": "message_start", "message": {"id": "m", "usage": usage}}))
    done = observer.recorder.completion(200)
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens, done.complete) == (9, None, False)


def test_deepseeks_name_for_cached_tokens() -> None:
    observer = OpenAIReader()
    usage = {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}
    observer.whole(msgspec.json.encode({"choices": [{"message": {"content": ""}}], "usage": usage}))
    done = observer.recorder.completion(200)
    assert done.usage is not None
    assert done.usage.cached_input_tokens == 4


def test_a_tool_that_runs_at_the_provider_is_no_call_in_a_stream_either() -> None:
    observer = AnthropicReader()
    blocks: list[dict[str, Any]] = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "tool_use", "id": "t", "name": "look_up", "input": {}},
    ]
    for index, block in enumerate(blocks):
        delta = {"type": "input_json_delta", "partial_json": '{"query":"points"}'}
        observer.event(msgspec.json.encode({"type": "content_block_start", "index": index, "content_block": block}))
        observer.event(msgspec.json.encode({"type": "content_block_delta", "index": index, "delta": delta}))
    (call,) = observer.recorder.completion(200).tool_calls
    assert (call.name, call.arguments) == ("look_up", '{"query":"points"}')


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (
            {"tool_calls": [{"type": "custom", "custom": {"name": "run", "input": "print(1)"}}]},
            ("run", "print(1)", True),
        ),
        ({"function_call": {"name": "f", "arguments": '{"a":1}'}}, ("f", '{"a":1}', True)),
        ({"function_call": {"name": "f", "arguments": "{"}}, ("f", "{", False)),
    ],
)
def test_calls_of_custom_tools_and_of_legacy_functions(message: dict[str, Any], call: tuple[Any, ...]) -> None:
    whole, streamed = OpenAIReader(), OpenAIReader()
    whole.whole(msgspec.json.encode({"choices": [{"message": {"content": None, **message}}]}))
    streamed.event(msgspec.json.encode({"choices": [{"index": 0, "delta": message}]}))
    for observer in (whole, streamed):
        (found,) = observer.recorder.completion(200).tool_calls
        assert (found.name, found.arguments, found.valid_json) == call


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        # as xAI's and Gemini's servers count, and as OpenAI's do
        ({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 399}, 387),
        ({"prompt_tokens": 12, "completion_tokens": 387, "total_tokens": 399}, 387),
        ({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 0}, 5),
        ({"prompt_tokens": 12, "completion_tokens": 5}, 5),
    ],
)
def test_reasoning_is_output_whatever_the_provider_calls_it(usage: dict[str, int], output: int) -> None:
    observer = OpenAIReader()
    observer.whole(msgspec.json.encode({"choices": [{"message": {"content": "x"}}], "usage": usage}))
    found = observer.recorder.completion(200).usage
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == (12, output)


def test_a_model_that_failed_in_the_middle_has_not_come_to_its_end() -> None:
    observer = OpenAIReader()
    choice = {"index": 0, "delta": {"content": "Hal"}, "finish_reason": "error"}
    observer.event(msgspec.json.encode({"choices": [choice]}))
    observer.event(b"[DONE]")
    assert not observer.recorder.completion(200).complete


@pytest.mark.parametrize("blank", ["", None])
def test_an_end_without_a_finish_reason_is_no_end(blank: str | None) -> None:
    observer = OpenAIReader()
    choice = {"index": 0, "delta": {"content": "Hal"}, "finish_reason": blank}
    observer.event(msgspec.json.encode({"choices": [choice]}))
    assert not observer.recorder.completion(200).complete
    observer.event(b"[DONE]")
    assert observer.recorder.cut
    assert not observer.recorder.completion(200).complete


@pytest.mark.parametrize("done", [b"[DONE]", b"[DONE] ", b"[DONE]\t\r"])
def test_end_of_a_server_that_has_no_finish_reasons(done: bytes) -> None:
    observer = OpenAIReader()
    observer.event(b'{"choices":[{"index":0,"delta":{"content":"Hello"}}]}')
    observer.event(done)
    assert observer.recorder.completion(200).complete
