"""An OpenAI client of an OpenAI-compatible provider: bytes pass untouched, and what they hold is known at the end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.request import Dialect
from tests.integration.providers.asking import ask, complete, streamed
from tests.integration.providers.conftest import KEY, UpstreamMaker
from tests.integration.providers.mock_provider import MockProvider, breaks_off, responds, streams

ANSWER = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1,
    "model": "m-2026",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Rails are straight.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "points", "arguments": '{"at": 3}'}},
                    {"id": "c2", "type": "function", "function": {"name": "points", "arguments": '{"at": '}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 16}},
}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **fields: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {"id": "c-1", "object": "chat.completion.chunk", "model": "m-2026", "choices": choices, **fields}
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


USAGE = chunk(None, usage={"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}})
STREAM = [
    chunk({"role": "assistant", "content": ""}, usage=None),
    chunk({"content": "Grü"}, usage=None),
    chunk({"content": "ße"}, usage=None),
    chunk({}, "stop", usage=None),
    USAGE,
    b"data: [DONE]\n\n",
]


async def test_whole_answer_is_passed_on_byte_by_byte_and_known(mock: MockProvider, upstream: UpstreamMaker) -> None:
    body = b"  " + msgspec.json.encode(ANSWER) + b"\n"
    headers = {"x-request-id": "r-1", "x-ratelimit-remaining-tokens": "9", "set-cookie": "a"}
    mock.answers = [responds(body, headers=headers)]
    answer = await upstream().open(ask(temperature=0.25))
    assert complete(answer).body == body
    assert answer.headers == {"x-request-id": "r-1", "x-ratelimit-remaining-tokens": "9"}
    done = answer.completion
    assert (done.status, done.complete, done.finish_reason, done.response_id) == (200, True, "tool_calls", "chatcmpl-7")
    assert done.text_head == "Rails are straight."
    assert [(call.name, call.valid_json) for call in done.tool_calls] == [("points", True), ("points", False)]
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.cached_input_tokens, done.usage.output_tokens) == (20, 16, 7)


async def test_request_is_the_clients_but_for_the_model(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(ANSWER)]
    arm = upstream(models={"m": "m-eu"}, headers={"x-team": "rail"})
    await arm.open(ask(seed=7, vendor={"deep": [1, 2.5, None]}, headers={"openai-beta": "b=1", "cookie": "no"}))
    assert mock.sent == {
        "model": "m-eu",
        "messages": [{"role": "user", "content": "Grüße"}],
        "seed": 7,
        "vendor": {"deep": [1, 2.5, None]},
    }
    sent = mock.asked[0]
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["openai-beta"] == "b=1"
    assert sent.headers["x-team"] == "rail"
    assert "cookie" not in sent.headers


async def test_stream_passes_untouched_when_the_client_asked_for_the_usage(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    whole = b"".join(STREAM)
    mock.answers = [streams(*(whole[i : i + 11] for i in range(0, len(whole), 11)))]
    answer = await upstream().open(ask(stream=True, stream_options={"include_usage": True}))
    assert b"".join([part async for part in streamed(answer)]) == whole
    assert answer.completion.text_head == "Grüße"


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 7, 50, 4096])
async def test_only_the_usage_that_the_client_did_not_request_is_removed(
    mock: MockProvider, upstream: UpstreamMaker, size: int, end: bytes
) -> None:
    events = [event[:-2] + end for event in STREAM]
    whole = b": keep-alive\n\n" + b"".join(events)
    mock.answers = [streams(*(whole[i : i + size] for i in range(0, len(whole), size)))]
    answer = await upstream().open(ask(stream=True, stream_options={"include_obfuscation": False}))
    passed = b"".join([part async for part in streamed(answer)])
    assert passed == whole.replace(USAGE[:-2] + end, b"")
    assert mock.sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    done = answer.completion
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.cached_input_tokens, done.usage.output_tokens) == (5, 4, 2)
    assert (done.finish_reason, done.complete, done.text_chars) == ("stop", True, 5)


async def test_usage_is_not_asked_for_where_the_configuration_disables_it(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [streams(*STREAM)]
    answer = await upstream(stream_usage=False).open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == b"".join(STREAM)
    assert "stream_options" not in mock.sent


async def test_events_that_cannot_be_read_pass_and_are_counted(mock: MockProvider, upstream: UpstreamMaker) -> None:
    parts = [STREAM[1], b"data: {not json\n\n", b"junk without a colon\n\n", STREAM[3], b"data: [DONE]\n\n"]
    mock.answers = [streams(*parts)]
    answer = await upstream().open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == b"".join(parts)
    assert answer.completion.malformed_events == 1
    assert answer.completion.complete


async def test_line_of_several_megabytes_passes(mock: MockProvider, upstream: UpstreamMaker) -> None:
    huge = chunk({"content": "x" * 5_000_000})
    mock.answers = [streams(huge, STREAM[3], b"data: [DONE]\n\n")]
    answer = await upstream().open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == huge + STREAM[3] + b"data: [DONE]\n\n"
    assert answer.completion.text_chars == 5_000_000
    assert len(answer.completion.text_head) == 400


async def test_event_without_end_is_broken_off(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [streams(STREAM[1], *[b"x" * 1_000_000] * 18)]
    answer = await upstream().open(ask(stream=True))
    with pytest.raises(ProviderError) as caught:
        _ = [part async for part in streamed(answer)]
    assert caught.value.kind == "protocol"


async def test_large_request_is_sent_whole(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(ANSWER)]
    text = "a long talk " * 300_000
    await upstream().open(ask(extra=text))
    assert mock.sent["extra"] == text


async def test_stream_that_breaks_off_ends_with_an_error_and_keeps_what_was_seen(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [breaks_off(STREAM[0], STREAM[1])]
    answer = await upstream().open(ask(stream=True))
    passed = []
    with pytest.raises(ProviderError) as caught:
        async for part in streamed(answer):
            passed += [part]
    assert b"".join(passed) == STREAM[0] + STREAM[1]
    assert caught.value.kind == "protocol"
    assert b'"error"' in caught.value.event
    assert caught.value.event.endswith(b"\n\n")
    assert (answer.completion.complete, answer.completion.text_head) == (False, "Grü")


async def test_stream_that_ends_without_a_finish_is_no_whole_answer(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [streams(STREAM[0], STREAM[1])]
    answer = await upstream().open(ask(stream=True))
    with pytest.raises(ProviderError, match="before the answer was complete"):
        _ = [part async for part in streamed(answer)]
    assert not answer.completion.complete


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("finish", ["", None])
async def test_done_without_a_finish_reason_is_no_whole_answer(
    mock: MockProvider, upstream: UpstreamMaker, dialect: Dialect, finish: str | None
) -> None:
    mock.answers = [streams(chunk({"content": "Hal"}, finish), b"data: [DONE]\n\n", 30.0)]
    answer = await upstream().open(ask(stream=True, dialect=dialect))
    parts = []
    with pytest.raises(ProviderError, match="before the answer was complete"):
        parts += [part async for part in streamed(answer)]
    assert b"[DONE]" not in b"".join(parts)
    assert not answer.completion.complete


async def test_server_without_done_and_without_last_blank_line_is_understood(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    parts = [STREAM[1], STREAM[3].rstrip(b"\n")]
    mock.answers = [streams(*parts)]
    answer = await upstream().open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == b"".join(parts)
    assert answer.completion.finish_reason == "stop"


async def test_error_in_mid_stream_passes_and_the_answer_is_not_complete(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    parts = [STREAM[1], b'data: {"error":{"message":"out of memory","code":500}}\n\n']
    mock.answers = [streams(*parts)]
    answer = await upstream().open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == b"".join(parts)
    assert not answer.completion.complete


async def test_leaving_a_stream_closes_the_providers_connection(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [streams(STREAM[0], STREAM[1], 60.0)]
    answer = await upstream().open(ask(stream=True))
    async for _ in streamed(answer):
        break
    await answer.close()
    await answer.close()
    await mock.gone.wait()
    assert answer.completion.text_head in ("", "Grü")


async def test_connection_is_used_again_after_a_whole_stream(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [streams(*STREAM)]
    arm = upstream()
    for _ in range(5):
        answer = await arm.open(ask(stream=True))
        _ = [part async for part in streamed(answer)]
    assert len(mock.peers) == 5
    assert len(set(mock.peers)) == 1


FORBIDDEN = {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}


async def test_a_provider_that_knows_no_stream_options_is_asked_without_them(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    """As Mistral's: what only the gateway asks for must not cost the client its answer."""
    end = b'data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,'
    end += b'"completion_tokens":1}}\n\ndata: [DONE]\n\n'
    mock.answers = [responds({"object": "error", "message": {"detail": [FORBIDDEN]}}, 422), streams(end)]
    arm = upstream()
    for asked in (2, 3):
        answer = await arm.open(ask(stream=True))
        assert b"".join([part async for part in streamed(answer)]) == end
        assert answer.completion.usage is not None
        assert len(mock.bodies) == asked
        assert "stream_options" not in mock.sent


async def test_stream_options_that_the_client_sends_are_the_clients(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [responds({"message": {"detail": [FORBIDDEN]}}, 422)]
    with pytest.raises(ProviderError) as caught:
        await upstream(retries=3).open(ask(stream=True, stream_options={"include_usage": True}))
    assert (caught.value.status, caught.value.tries) == (422, 1)


@pytest.mark.parametrize("asked", [False, True])
async def test_half_an_event_is_never_passed_on(mock: MockProvider, upstream: UpstreamMaker, asked: bool) -> None:
    """The error must be an event of its own, not the end of another."""
    whole = b'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n'
    mock.answers = [breaks_off(whole, b'data: {"choices":[{"ind')]
    answer = await upstream().open(ask(stream=True, stream_options={"include_usage": asked}))
    passed = b""
    with pytest.raises(ProviderError) as caught:
        async for part in streamed(answer):
            passed += part
    assert passed == whole
    assert caught.value.event.startswith(b"data: ")
