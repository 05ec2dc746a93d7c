"""Any answer, whole or as a stream that is cut at any byte, gives the client of any dialect the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_openai import OpenAIReader
from pointsman.llm.answers.write_anthropic import AnthropicWriter
from pointsman.llm.answers.write_openai import OpenAIWriter
from pointsman.llm.providers.answer.pipeline import StreamPipeline
from pointsman.llm.providers.dialects.sse import SseFraming
from tests.support.provider_streams import anthropic_message, openai_answer
from tests.support.translations import Translation


class Call(NamedTuple):
    id: str
    name: str
    arguments: str


class Known(NamedTuple):
    """What both forms of an answer must agree on."""

    thinking: str
    text: str
    calls: list[Call]
    finish: str
    tokens: int


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ARGUMENTS = st.dictionaries(TEXT, st.none() | st.integers(-9, 9) | TEXT | st.lists(TEXT, max_size=2), max_size=3).map(
    lambda value: msgspec.json.encode(value).decode()
)
ANSWERS = st.builds(
    lambda thinking, text, calls, cut, tokens: Known(
        thinking,
        text,
        [Call(f"call_{at}", f"f{at}", arguments) for at, arguments in enumerate(calls)],
        "length" if cut else "tool_calls" if calls else "stop",
        tokens,
    ),
    st.just("") | TEXT,
    st.just("") | TEXT,
    st.lists(ARGUMENTS, max_size=3),
    st.booleans(),
    st.integers(1, 99),
)
CUTS = st.lists(st.integers(0, 10_000), max_size=20)
STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "stop": "end_turn"}


def pieces(text: str) -> list[str]:
    return [text[:1], text[1:3], text[3:]] if text else []


def as_openai(answer: Known) -> tuple[bytes, list[Any]]:
    usage = {"prompt_tokens": 3, "completion_tokens": answer.tokens}
    calls = [{"id": c.id, "type": "function", "function": c._asdict() | {"id": None}} for c in answer.calls]
    message = {"content": answer.text or None, "reasoning_content": answer.thinking, "tool_calls": calls}
    whole = {"id": "x", "model": "m", "usage": usage, "choices": [{"message": message, "finish_reason": answer.finish}]}
    deltas: list[Any] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in pieces(answer.thinking)]
    deltas += [{"content": piece} for piece in pieces(answer.text)]
    for at, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": at, "id": call.id, "type": "function", "function": function}]})
    # the pieces of several calls alternate
    for step in range(3):
        for at, call in enumerate(answer.calls):
            deltas.append({"tool_calls": [{"index": at, "function": {"arguments": pieces(call.arguments)[step]}}]})
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": answer.finish})
    events: list[Any] = [{"id": "x", "model": "m", "choices": [choice]} for choice in choices]
    return msgspec.json.encode(whole), [*events, {"id": "x", "choices": [], "usage": usage}, b"[DONE]"]


def as_anthropic(answer: Known) -> tuple[bytes, list[Any]]:
    content: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if answer.thinking:
        deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": p} for p in pieces(answer.thinking)]
        content.append(
            (
                {"type": "thinking", "thinking": answer.thinking, "signature": "s"},
                [*deltas, {"type": "signature_delta", "signature": "s"}],
            )
        )
    if answer.text:
        block = {"type": "text", "text": answer.text}
        content.append((block, [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]))
    for call in answer.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": msgspec.json.decode(call.arguments)}
        content.append((block, [{"type": "input_json_delta", "partial_json": p} for p in pieces(call.arguments)]))
    usage = {"input_tokens": 3, "output_tokens": answer.tokens}
    stop = STOPS[answer.finish]
    head = {"id": "x", "model": "m", "type": "message", "role": "assistant"}
    blocks = [block for block, _ in content]
    whole = {**head, "content": blocks, "stop_reason": stop, "usage": usage}
    events: list[Any] = [{"type": "message_start", "message": {**head, "content": [], "usage": {"input_tokens": 3}}}]
    for index, (block, block_deltas) in enumerate(content):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        begun = {name: empty.get(name, value) for name, value in block.items()}
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block_deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": answer.tokens}})
    return msgspec.json.encode(whole), [*events, {"type": "message_stop"}]


def known_openai(answer: dict[str, Any]) -> Known:
    choice = answer["choices"][0]
    message = choice["message"]
    calls = [Call(c["id"], **c["function"]) for c in message.get("tool_calls", [])]
    return Known(
        message.get("reasoning_content", ""),
        message["content"] or "",
        calls,
        choice["finish_reason"],
        answer["usage"]["completion_tokens"],
    )


def streamed_openai(stream: bytes) -> Known:
    answer = openai_answer(stream)
    calls = [Call(**call) for call in answer["calls"]]
    tokens = answer["usage"]["completion_tokens"]
    return Known(answer["reasoning"], answer["text"] or "", calls, answer["finish_reason"], tokens)


def known_anthropic(answer: dict[str, Any]) -> Known:
    finish = {stop: finish for finish, stop in STOPS.items()}[answer["stop_reason"]]
    blocks = answer["content"]
    order = [["thinking", "text", "tool_use"].index(block["type"]) for block in blocks]
    assert order == sorted(order)
    return Known(
        "".join(block.get("thinking", "") for block in blocks),
        "".join(block.get("text", "") for block in blocks),
        [
            Call(block["id"], block["name"], msgspec.json.encode(block["input"]).decode())
            for block in blocks
            if block["type"] == "tool_use"
        ],
        finish,
        answer["usage"]["output_tokens"],
    )


def same_json(answer: Known) -> Known:
    calls = [c._replace(arguments=msgspec.json.encode(msgspec.json.decode(c.arguments)).decode()) for c in answer.calls]
    return answer._replace(calls=calls)


FORMS: dict[str, tuple[Callable[[], Any], Callable[[Known], tuple[bytes, list[Any]]]]] = {
    "openai": (OpenAIReader, as_openai),
    "anthropic": (AnthropicReader, as_anthropic),
}


@pytest.mark.parametrize("client", FORMS)
@pytest.mark.parametrize("provider", FORMS)
@given(answer=ANSWERS, cuts=CUTS)
def test_whole_and_cut_anywhere_is_the_same_answer(provider: str, client: str, answer: Known, cuts: list[int]) -> None:
    reader, form = FORMS[provider]
    body, events = form(answer)

    def writer() -> Any:
        return OpenAIWriter(0, True, thinking=True) if client == "openai" else AnthropicWriter("m", thinking=True)

    whole = msgspec.json.decode(Translation(reader(), writer()).whole(body))
    found = known_openai(whole) if client == "openai" else known_anthropic(whole)
    assert same_json(found) == same_json(answer)

    written = b"".join(
        b"data: " + (event if isinstance(event, bytes) else msgspec.json.encode(event)) + b"\n\n" for event in events
    )
    translation = Translation(reader(), writer())
    pipeline = StreamPipeline(SseFraming(), translation.reader, translator=translation.written)
    at = sorted({0, len(written), *(cut % len(written) for cut in cuts)})
    stream = b"".join([pipeline.feed(written[start:end]) for start, end in pairwise(at)]) + pipeline.end()
    streamed = streamed_openai(stream) if client == "openai" else known_anthropic(anthropic_message(stream))
    assert same_json(streamed) == same_json(answer)
    completion = pipeline.recorder.completion(200)
    assert (completion.complete, completion.finish_reason) == (True, answer.finish)
    assert [call.name for call in completion.tool_calls] == [call.name for call in answer.calls]
