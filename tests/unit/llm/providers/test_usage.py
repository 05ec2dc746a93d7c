"""Token counts that are not plausible are unknown, for a reason, in every dialect; the answer is readable."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_converse import converse_to_anthropic
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.completion import Completion, Usage
from pointsman.llm.providers.dialects.usage import MAX_TOKENS
from pointsman.llm.providers.kinds.bedrock import EventStreamFraming
from tests.support.event_stream import event
from tests.support.provider_answers import CONVERSE_EVENTS
from tests.support.translations import anthropic_to_openai, openai_to_anthropic

ODD = {
    "-1": "negative",
    "-0.5": "negative",
    "-1" + "0" * 400: "negative",
    str(MAX_TOKENS + 1): "too_large",
    "1" + "0" * 18: "too_large",
    "1" + "0" * 400: "too_large",
    "1" + "0" * 9000: "too_large",
    "1e300": "too_large",
    "1e400": "too_large",
    "0.5": "not_integer",
    '"12"': "not_integer",
    "true": "not_integer",
    "[12]": "not_integer",
    '{"n": 12}': "not_integer",
    "[" * 500 + "]" * 500: "not_integer",
}
READABLE = {"12": 12, "12.0": 12, "1.2e1": 12, "null": None, "NaN": None}

ODD_COSTS = ["-1", "NaN", "1e300", "1e400", '"free"', "true", "null", "[1]", "{}"]

OPENAI = '{"id":"c","model":"m","choices":[{"index":0,%s,"finish_reason":"stop"}],"usage":%s}'
WHOLE = '"message":{"content":"yes"}'
DELTA = '"delta":{"content":"yes"}'
ANTHROPIC = '{"id":"m","model":"m","content":[{"type":"text","text":"yes"}],"stop_reason":"end_turn","usage":%s}'


def openai(usage: str, *, stream: bool) -> Completion:
    reader = OpenAIReader()
    if stream:
        reader.event((OPENAI % (DELTA, usage)).encode())
        reader.event(b"[DONE]")
    else:
        reader.whole((OPENAI % (WHOLE, usage)).encode())
    return reader.recorder.completion(200)


def anthropic(usage: str, *, stream: bool) -> Completion:
    reader = AnthropicReader()
    if stream:
        reader.event(b'{"type":"message_start","message":{"id":"m","model":"m"}}')
        reader.event(b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"yes"}}')
        delta = b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":%b}'
        reader.event(delta % usage.encode())
        reader.event(b'{"type":"message_stop"}')
    else:
        reader.whole((ANTHROPIC % usage).encode())
    return reader.recorder.completion(200)


READ = {
    "openai": (openai, "prompt_tokens", "completion_tokens"),
    "anthropic": (anthropic, "input_tokens", "output_tokens"),
}


@pytest.mark.parametrize("dialect", READ)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:12])
def test_one_odd_count_is_unknown_and_the_others_are_known(dialect: str, stream: bool, value: str) -> None:
    read, prompt, answer = READ[dialect]
    for odd, other in ((prompt, answer), (answer, prompt)):
        completion = read(f'{{"{odd}":{value},"{other}":7}}', stream=stream)
        assert completion.complete
        assert (completion.text_head, completion.malformed_events) == ("yes", 0)
        assert completion.usage_faults == (ODD[value],)
        assert completion.usage is not None
        found = {prompt: completion.usage.input_tokens, answer: completion.usage.output_tokens}
        assert found == {odd: None, other: 7}


@pytest.mark.parametrize("dialect", READ)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("value", READABLE)
def test_an_absent_count_is_no_fault_and_a_whole_number_is_read_however_written(
    dialect: str, stream: bool, value: str
) -> None:
    read, prompt, answer = READ[dialect]
    completion = read(f'{{"{prompt}":{value},"{answer}":7}}', stream=stream)
    assert (completion.usage_faults, completion.malformed_events) == ((), 0)
    assert completion.usage == Usage(input_tokens=READABLE[value], output_tokens=7)


@pytest.mark.parametrize("dialect", READ)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("usage", ["3", '"x"', "[]", "true", "[" * 500 + "]" * 500])
def test_a_usage_that_is_no_object_is_unknown(dialect: str, stream: bool, usage: str) -> None:
    completion = READ[dialect][0](usage, stream=stream)
    assert completion.complete
    assert completion.usage_faults == ("not_object",)
    assert completion.usage in (None, Usage())


@pytest.mark.parametrize("details", ['{"cached_tokens":-4}', '{"cached_tokens":"4"}', "4", "[]"])
def test_an_odd_group_of_counts_leaves_the_others(details: str) -> None:
    completion = openai(f'{{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{details}}}', stream=False)
    assert completion.usage == Usage(input_tokens=5, output_tokens=7)
    assert len(completion.usage_faults) == 1


@pytest.mark.parametrize("dialect", READ)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reported", "cost_usd"),
    [
        ('"cost":0.0123', 0.0123),  # OpenRouter
        ('"cost":0', 0.0),
        ('"cost":0.01,"is_byok":true,"cost_details":{"upstream_inference_cost":0.2}', 0.21),
        ('"cost":0.01,"is_byok":false,"cost_details":{"upstream_inference_cost":0.2}', 0.01),
        ('"cost":{"input_tokens_cost":0.1,"total_cost":0.3}', 0.3),  # Perplexity
        ('"estimated_cost":0.002', 0.002),  # DeepInfra
        ('"cost_in_usd_ticks":37756000', 0.0037756),  # xAI
        *((f'"{name}":{odd}', None) for name in ("cost", "estimated_cost", "cost_in_usd_ticks") for odd in ODD_COSTS),
    ],
)
def test_cost_that_the_provider_reports(dialect: str, stream: bool, reported: str, cost_usd: float | None) -> None:
    read, prompt, answer = READ[dialect]
    completion = read(f'{{"{prompt}":5,"{answer}":7,{reported}}}', stream=stream)
    assert completion.usage is not None
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (5, 7)
    assert completion.usage.cost_usd == (None if cost_usd is None else pytest.approx(cost_usd))
    assert completion.usage_faults == ()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reported", "cached", "written"),
    [
        ('"prompt_tokens_details":{"cached_tokens":90}', 90, None),
        ('"prompt_cache_hit_tokens":90,"prompt_cache_miss_tokens":10', 90, None),
        ('"cached_tokens":90', 90, None),
        ('"num_cached_tokens":90', 90, None),
        ('"cache_read_input_tokens":90,"cache_creation_input_tokens":5', 90, 5),
        ('"prompt_tokens_details":{"cached_tokens":0},"cached_tokens":90', 90, None),
        ('"prompt_tokens_details":{"cached_tokens":90,"cache_write_tokens":5}', 90, 5),
        ('"prompt_tokens_details":{"cached_tokens":90,"cache_creation_input_tokens":5}', 90, 5),
    ],
)
def test_cached_tokens_under_every_name(stream: bool, reported: str, cached: int, written: int | None) -> None:
    usage = f'{{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,{reported}}}'
    expected = Usage(input_tokens=100, output_tokens=7, cached_input_tokens=cached, cache_write_tokens=written)
    assert openai(usage, stream=stream).usage == expected


def test_cached_tokens_that_are_counted_apart_from_the_prompt_belong_to_it() -> None:
    usage = '{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"cache_read_input_tokens":90}'
    found = openai(usage, stream=False).usage
    assert found == Usage(input_tokens=95, output_tokens=7, cached_input_tokens=90)


COUNTS = b'{"prompt_tokens":5,"completion_tokens":7}'


@pytest.mark.parametrize(
    "end",
    [
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":%b}]}' % COUNTS,  # Moonshot
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":%b}}' % COUNTS,
        b'{"choices":[],"usage":%b}' % COUNTS,
    ],
)
@pytest.mark.parametrize("later", [b'{"choices":[],"usage":null}', b'{"choices":[],"usage":{"prompt_tokens":0}}'])
def test_usage_in_other_places_of_a_stream(end: bytes, later: bytes) -> None:
    reader = OpenAIReader()
    reader.event(b'{"choices":[{"index":0,"delta":{"content":"yes"}}],"usage":{"prompt_tokens":5}}')
    reader.event(end)
    reader.event(later)
    assert reader.recorder.usage == Usage(input_tokens=5, output_tokens=7)


@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:12])
def test_translated_answers_have_no_odd_count(value: str) -> None:
    answer = ANTHROPIC % f'{{"input_tokens":{value},"output_tokens":7,"cache_read_input_tokens":{value}}}'
    usage = msgspec.json.decode(anthropic_to_openai(0, True).whole(answer.encode()))["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (0, 7, 7)
    answer = OPENAI % (WHOLE, f'{{"prompt_tokens":{value},"completion_tokens":7}}')
    usage = msgspec.json.decode(openai_to_anthropic("m").whole(answer.encode()))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (0, 7)


@pytest.mark.parametrize("usage", [{"inputTokens": -3, "outputTokens": 7}, {"inputTokens": "x", "outputTokens": 7}])
def test_converse(usage: dict[str, Any]) -> None:
    content = {"output": {"message": {"content": [{"text": "yes"}]}}, "stopReason": "end_turn", "usage": usage}
    reader = AnthropicReader()
    reader.whole(msgspec.json.encode(converse_to_anthropic(content, "m", "id")))
    assert reader.recorder.usage == Usage(output_tokens=7, cached_input_tokens=0, cache_write_tokens=0)
    events = [*CONVERSE_EVENTS[:-1], ("metadata", {"usage": usage})]
    framing, reader = EventStreamFraming("m"), AnthropicReader()
    for _, data in framing.feed(b"".join(event(kind, value) for kind, value in events)):
        assert data is not None
        reader.event(data)
    assert reader.recorder.completion(200).usage == Usage(output_tokens=7, cached_input_tokens=0, cache_write_tokens=0)
    assert len(reader.recorder.usage_faults) == 1


@pytest.mark.parametrize("usage", [[], "x", 3, {}])
def test_converse_without_a_usage_that_is_an_object(usage: Any) -> None:
    content = {"output": {"message": {"content": [{"text": "yes"}]}}, "stopReason": "end_turn", "usage": usage}
    reader = AnthropicReader()
    reader.whole(msgspec.json.encode(converse_to_anthropic(content, "m", "id")))
    assert reader.recorder.usage is None


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_byte_order_marks_and_other_encodings_are_readable(head: bytes, coding: str) -> None:
    reader = OpenAIReader()
    body = (OPENAI % (WHOLE, "null")).encode(coding)
    reader.whole(head + body if coding == "utf-8" else body)
    assert reader.recorder.completion(200).complete
