from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.providers.anthropic_answer import AnthropicObserver
from pointsman.providers.base import TEXT_HEAD_CHARS
from pointsman.providers.openai_answer import OpenAIObserver
from pointsman.providers.provider_errors import told
from pointsman.providers.translate.anthropic_answer_to_openai import AnthropicAnswerToOpenAI
from pointsman.providers.translate.openai_answer_to_anthropic import OpenAIAnswerToAnthropic

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
    for observer in (OpenAIObserver(), AnthropicObserver()):
        for event in events:
            observer.event(event)
            with suppress(msgspec.MsgspecError):
                observer.whole(event)
        observer.notes.completion(200)
    for event in events:
        told(event)


@given(JSON | st.binary(max_size=30))
def test_translations_of_nonsense_fail_as_they_say(event: bytes) -> None:
    for translator in (AnthropicAnswerToOpenAI(0, True), OpenAIAnswerToAnthropic("m")):
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            translator.event(event)
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            translator.whole(event)


@pytest.mark.parametrize(
    ("message", "finish", "reason"),
    [
        ({"content": "x"}, "stop", "stop"),
        ({"content": None, "refusal": "No."}, "stop", "refusal"),
        ({"content": ""}, "function_call", "tool_calls"),
        ({"content": "x"}, "content_filter", "content_filter"),
        ({"content": "x"}, "eos", "eos"),
        ({"content": [{"type": "text", "text": "x"}, {"type": "thinking"}]}, "stop", "stop"),
    ],
)
def test_end_of_an_openai_answer(message: dict[str, Any], finish: str, reason: str) -> None:
    observer = OpenAIObserver()
    observer.whole(msgspec.json.encode({"choices": [{"message": message, "finish_reason": finish}]}))
    assert observer.notes.completion(200).finish_reason == reason


@pytest.mark.parametrize(("stop", "reason"), [("end_turn", "stop"), ("max_tokens", "length"), ("refusal", "refusal")])
def test_end_of_an_anthropic_answer(stop: str, reason: str) -> None:
    observer = AnthropicObserver()
    observer.whole(msgspec.json.encode({"content": [], "stop_reason": stop}))
    assert observer.notes.completion(200).finish_reason == reason


def test_head_of_the_text_is_kept_and_the_rest_is_counted() -> None:
    observer = OpenAIObserver()
    for _ in range(50):
        observer.event(msgspec.json.encode({"choices": [{"delta": {"content": "äbcdefghij"}}]}))
    done = observer.notes.completion(200)
    assert done.text_chars == 500
    assert done.text_head == ("äbcdefghij" * 50)[:TEXT_HEAD_CHARS]


def test_only_the_first_choice_is_looked_at() -> None:
    observer = OpenAIObserver()
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in (1, 0)]
    observer.whole(msgspec.json.encode({"choices": choices}))
    assert observer.notes.completion(200).text_head == "0"


def test_stream_left_in_the_middle_has_a_prompt_and_no_count_of_the_answer() -> None:
    observer = AnthropicObserver()
    usage = {"input_tokens": 9, "output_tokens": 1}
    observer.event(msgspec.json.encode({"type": "message_start", "message": {"id": "m", "usage": usage}}))
    done = observer.notes.completion(200)
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens, done.complete) == (9, None, False)


def test_deepseeks_name_for_cached_tokens() -> None:
    observer = OpenAIObserver()
    usage = {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}
    observer.whole(msgspec.json.encode({"choices": [{"message": {"content": ""}}], "usage": usage}))
    done = observer.notes.completion(200)
    assert done.usage is not None
    assert done.usage.cached_input_tokens == 4
