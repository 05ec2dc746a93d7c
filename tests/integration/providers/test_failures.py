"""Failures of providers and networks, over real sockets: the error is in the client's dialect, without a key."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.providers import provider_call
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.faults.fault import Fault
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import Dialect
from tests.integration.providers.asking import ask, streamed
from tests.integration.providers.conftest import KEY, UpstreamMaker
from tests.integration.providers.mock_provider import MockProvider, drops, responds, streams, waits

OK = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}]}
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def failure(arm: Any, request: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await arm.open(request)
    return caught.value


@pytest.mark.parametrize("stream", [False, True])
async def test_refused_connection(upstream: UpstreamMaker, stream: bool) -> None:
    error = await failure(upstream(base_url=f"http://127.0.0.1:{free_port()}", retries=1), ask(stream=stream))
    assert (error.kind, error.status, error.tries, error.elsewhere) == ("connect", None, 2, True)
    assert error.answer_status == 502


async def test_unknown_host_name(upstream: UpstreamMaker) -> None:
    error = await failure(upstream(base_url="http://unknown.invalid"), ask())
    assert error.kind == "connect"
    assert error.text == "p: its host name does not resolve"


async def test_connection_dropped_before_the_answer_is_tried_again(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [drops(), responds(OK)]
    answer = await upstream(retries=1).open(ask())
    assert answer.tries == 2


async def test_no_http_at_all(upstream: UpstreamMaker) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(upstream(base_url=f"http://127.0.0.1:{port}"), ask())
    assert error.kind == "protocol"


@pytest.mark.parametrize("stream", [False, True])
async def test_slow_answer_is_not_waited_for(mock: MockProvider, upstream: UpstreamMaker, stream: bool) -> None:
    mock.answers = [waits(30.0, responds(OK))]
    arm = upstream(first_byte_timeout_ms=500, answer_timeout_ms=500, retries=3)
    error = await failure(arm, ask(stream=stream))
    assert (error.kind, error.answer_status, error.tries) == ("timeout", 504, 1)
    await mock.gone.wait()


async def test_stream_that_only_keeps_alive_is_not_waited_for(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [streams(b": wait\n\n", 30.0)]
    error = await failure(upstream(first_byte_timeout_ms=100), ask(stream=True))
    assert error.kind == "timeout"


async def test_stream_that_stops_in_the_middle_is_not_waited_for(mock: MockProvider, upstream: UpstreamMaker) -> None:
    first = b'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n'
    mock.answers = [streams(first, 30.0)]
    answer = await upstream(idle_timeout_ms=50).open(ask(stream=True))
    passed = []
    with pytest.raises(ProviderError) as caught:
        async for part in streamed(answer):
            passed += [part]
    assert passed == [first]
    assert caught.value.kind == "timeout"
    await mock.gone.wait()


async def test_provider_that_keeps_a_finished_stream_open_is_not_waited_for(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [streams(EVENT, b"data: [DONE]\n\n", 30.0)]
    answer = await upstream().open(ask(stream=True))
    assert b"".join([part async for part in streamed(answer)]) == EVENT + b"data: [DONE]\n\n"
    assert answer.completion.complete
    await mock.gone.wait()


@pytest.mark.parametrize(("status", "tries"), [(429, 2), (500, 2), (502, 2), (503, 2), (529, 2), (400, 1), (404, 1)])
async def test_what_may_pass_is_tried_again(
    mock: MockProvider, upstream: UpstreamMaker, status: int, tries: int
) -> None:
    mock.answers = [responds({"error": {"message": "no"}}, status)]
    error = await failure(upstream(retries=1), ask())
    assert (error.status, error.tries, len(mock.asked)) == (status, tries, tries)


@pytest.mark.parametrize("header", ["retry-after", "Retry-After-Ms"])
async def test_retry_after_is_honoured(mock: MockProvider, upstream: UpstreamMaker, header: str) -> None:
    mock.answers = [responds({}, 429, {header: "0"}), responds(OK)]
    answer = await upstream(retries=1).open(ask())
    assert answer.tries == 2


async def test_long_retry_after_goes_elsewhere_at_once(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({"error": {"message": "later"}}, 429, {"retry-after": "3600"}), responds(OK)]
    error = await failure(upstream(retries=3), ask())
    assert (error.tries, error.retry_after_s, error.elsewhere) == (1, 3600.0, True)


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_request_at_fault_goes_nowhere_else(mock: MockProvider, upstream: UpstreamMaker, status: int) -> None:
    refusal = {"message": "messages: at least one message is required", "code": "invalid_value"}
    mock.answers = [responds({"error": refusal}, status)]
    error = await failure(upstream(), ask())
    assert (error.elsewhere, error.blames_request) == (False, True)
    assert msgspec.json.decode(error.body)["error"]["code"] == "invalid_value"


async def test_refusal_in_words_that_are_not_known_is_shown_to_another_arm(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [responds({"error": {"message": "no such role", "code": "invalid_value"}}, 400)]
    error = await failure(upstream(), ask())
    assert (error.verdict.fault, error.elsewhere, error.blames_request) == (Fault.UNCLEAR, True, True)


@pytest.mark.parametrize(
    ("status", "body_of_error"),
    [
        (400, {"message": "too long", "code": "context_length_exceeded"}),
        (400, {"message": "max_tokens is not supported with this model", "code": "unsupported_parameter"}),
        (400, {"message": "the request is too big", "code": 400, "type": "exceed_context_size_error"}),
        (400, {"message": "prompt is too long: 208310 tokens > 200000 maximum", "type": "invalid_request_error"}),
        (400, {"message": "input length and `max_tokens` exceed context limit: 1 + 2 > 2"}),
        (400, {"message": "This model's maximum context length is 4096 tokens."}),
        (400, {"message": "Input is too long for requested model."}),
        (400, {"message": "Your credit balance is too low to access the Anthropic API."}),
        (400, {"message": "Unrecognized request argument supplied: max_completion_tokens", "code": None}),
        (422, {"message": {"detail": [{"loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]}}),
        (413, {"message": "Request exceeds the maximum size", "type": "request_too_large"}),
    ],
)
async def test_request_that_is_too_much_for_this_model_may_be_another_ones(
    mock: MockProvider, upstream: UpstreamMaker, status: int, body_of_error: dict[str, Any]
) -> None:
    mock.answers = [responds({"error": body_of_error}, status)]
    error = await failure(upstream(), ask())
    assert (error.elsewhere, error.blames_request, error.retryable) == (True, True, False)
    assert error.answer_status == status


@pytest.mark.parametrize(
    ("kind", "dialect"), [("anthropic", "openai"), ("openai", "anthropic"), ("bedrock", "anthropic")]
)
async def test_what_is_wrong_with_a_translation_is_maybe_not_wrong_with_the_request(
    mock: MockProvider, upstream: UpstreamMaker, kind: str, dialect: Dialect
) -> None:
    mock.answers = [responds({"error": {"message": "stop_sequences: only whitespace"}, "message": "no"}, 400)]
    arm = upstream(kind, region="eu-west-1") if kind == "bedrock" else upstream(kind)
    error = await failure(arm, ask(dialect=dialect))
    assert (error.elsewhere, error.blames_request) == (True, True)


async def test_an_error_whose_body_is_late_is_an_error_all_the_same(
    mock: MockProvider, upstream: UpstreamMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drawls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=503)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    monkeypatch.setattr(provider_call, "ERROR_BODY_TIMEOUT_S", 0.1)
    mock.answers = [drawls, responds(OK)]
    answer = await upstream(retries=1, answer_timeout_ms=3000).open(ask())
    assert answer.tries == 2
    await mock.gone.wait()


async def test_a_list_of_reasons_is_passed_on_too(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}, 422)]
    error = await failure(upstream(), ask())
    assert "Field required" in msgspec.json.decode(error.body)["error"]["message"]


@pytest.mark.parametrize(("code", "tries"), [(502, 2), (429, 2), (400, 1)])
async def test_an_error_with_a_good_status_is_an_error(
    mock: MockProvider, upstream: UpstreamMaker, code: int, tries: int
) -> None:
    mock.answers = [responds({"id": "gen-1", "error": {"message": "upstream is down", "code": code}})]
    error = await failure(upstream(retries=1), ask())
    assert (error.kind, error.status, error.tries) == ("status", code, tries)
    assert msgspec.json.decode(error.body)["error"]["message"] == "upstream is down"


async def test_a_long_header_is_no_reason_to_give_up(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(OK, headers={"content-security-policy": "x" * 20_000})]
    assert (await upstream().open(ask())).status == 200


@pytest.mark.parametrize("asked", [False, True])
async def test_stream_that_ends_in_the_middle_of_an_event_is_not_taken_for_whole(
    mock: MockProvider, upstream: UpstreamMaker, asked: bool
) -> None:
    first = b'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n'
    mock.answers = [streams(first, b'data: {"choices":[{"ind')]
    answer = await upstream().open(ask(stream=True, stream_options={"include_usage": asked}))
    with pytest.raises(ProviderError) as caught:
        _ = [part async for part in streamed(answer)]
    assert caught.value.kind == "protocol"
    assert not answer.completion.complete


async def test_redirect_is_not_followed(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({}, 307, {"location": "http://127.0.0.1:1/elsewhere"})]
    error = await failure(upstream(), ask())
    assert (error.kind, error.status, len(mock.asked)) == ("protocol", 307, 1)


@pytest.mark.parametrize(
    "body", [b"<html>busy</html>", b"", b'{"error": "busy"}', b'{"detail": "busy"}', b"[1]", b'"x']
)
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_any_body_of_an_error_becomes_one_of_the_clients_dialect(
    mock: MockProvider, upstream: UpstreamMaker, body: bytes, dialect: Dialect
) -> None:
    mock.answers = [responds(body, 404)]
    error = await failure(upstream(), ask(dialect=dialect))
    body_of_error = msgspec.json.decode(error.body)
    assert body_of_error["error"]["message"]
    assert body_of_error["error"]["type"] == ("not_found_error" if dialect == "anthropic" else "invalid_request_error")
    assert ("busy" in body_of_error["error"]["message"]) == (body.startswith(b"{"))


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"choices": []}', b'{"choices": [{"message": 3}]}'])
async def test_answer_that_cannot_be_read(mock: MockProvider, upstream: UpstreamMaker, body: bytes) -> None:
    mock.answers = [responds(body)]
    error = await failure(upstream(), ask())
    assert (error.kind, error.answer_status) == ("protocol", 502)


async def test_error_as_the_first_event_of_a_stream_can_go_elsewhere(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [streams(b": hm\n\n", b'data: {"error":{"message":"overloaded","code":503}}\n\n')]
    error = await failure(upstream(), ask(stream=True))
    assert (error.kind, error.status, error.elsewhere) == ("status", 503, True)


@pytest.mark.parametrize("parts", [(b"",), (b"data: [nothing]\n\n",), (b"hello",)])
async def test_stream_without_an_answer(mock: MockProvider, upstream: UpstreamMaker, parts: tuple[bytes]) -> None:
    mock.answers = [streams(*parts)]
    error = await failure(upstream(), ask(stream=True))
    assert error.kind == "protocol"


async def test_json_where_a_stream_was_asked_for(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(OK), responds({"error": {"message": "no streams here", "type": "invalid_request_error"}})]
    arm = upstream()
    assert (await failure(arm, ask(stream=True))).kind == "protocol"
    error = await failure(arm, ask(stream=True))
    assert (error.kind, error.status) == ("status", 400)


async def test_provider_that_fails_is_left_alone_and_then_tried_by_one(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [responds({}, 500)]
    arm = upstream(breaker_failures=3, breaker_pause_ms=80)
    for _ in range(3):
        assert (await failure(arm, ask())).kind == "status"
    assert (await failure(arm, ask())).kind == "unavailable"
    assert len(mock.asked) == 3
    mock.answers = [waits(0.1, responds(OK))]
    await asyncio.sleep(0.1)
    kinds = await asyncio.gather(*(arm.open(ask()) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(kind, ProviderError) for kind in kinds) == 4
    await arm.open(ask())


async def test_model_that_fails_leaves_the_other_models_of_its_provider_in_service(mock: MockProvider) -> None:
    config = ProviderConfig(name="p", base_url=mock.url, retries=0, breaker_failures=2)
    providers = Providers([config], {})
    bad, good = Arm("p", "bad"), Arm("p", "good")
    for refusal in (responds({}, 500), responds({"choices": []})):
        mock.answers = [refusal]
        for _ in range(3):
            last = await failure(providers.upstream(bad), ask())
        mock.answers = [responds(OK)]
        await providers.upstream(good).open(ask())
    assert last.kind == "unavailable"
    assert last.text.startswith("model p:bad failed several times in a row")
    assert (providers.available(bad), providers.available(good)) == (False, True)
    assert [found.subject for found in providers.suspended()] == ["model p:bad"]
    await providers.close()


@pytest.mark.parametrize("fails", ["connection", "key"])
async def test_failure_of_all_models_closes_the_provider(mock: MockProvider, fails: str) -> None:
    mock.answers = [responds({}, 401)]
    address = mock.url if fails == "key" else f"http://127.0.0.1:{free_port()}"
    providers = Providers([ProviderConfig(name="p", base_url=address, retries=0, breaker_failures=2)], {})
    for _ in range(2):
        await failure(providers.upstream(Arm("p", "a")), ask())
    error = await failure(providers.upstream(Arm("p", "b")), ask())
    assert (error.kind, error.tries) == ("unavailable", 0)
    assert error.text.startswith("provider p failed several times in a row")
    assert [found.subject for found in providers.suspended()] == ["provider p"]
    await providers.close()


async def test_probe_whose_client_leaves_lets_the_next_one_try(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({}, 500), waits(30.0, responds(OK)), responds(OK)]
    arm = upstream(breaker_failures=1, breaker_pause_ms=1)
    await failure(arm, ask())
    await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(arm.open(ask()), 0.1)
    await arm.open(ask())


async def test_limits_and_refusals_do_not_count_as_failures(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({}, 429)]
    arm = upstream(breaker_failures=2)
    for _ in range(5):
        assert (await failure(arm, ask())).status == 429


ECHO = f"your key {KEY} is bad, authorization: Bearer {KEY}"
CANARY_ANSWERS = {
    "refused key": responds({"error": {"message": ECHO, "code": KEY}}, 401),
    "forbidden": responds({"error": {"message": ECHO}}, 403),
    "bad request": responds({"error": {"message": ECHO, "type": KEY, "param": KEY, "code": KEY}}, 400),
    "fault": responds({"message": ECHO}, 500),
    "limit": responds({"error": ECHO}, 429, {"x-request-id": KEY}),
    "text": responds(ECHO.encode(), 502),
    "redirect": responds({}, 302, {"location": f"http://127.0.0.1:1/{KEY}"}),
    "dropped": drops(),
    "late": waits(30.0, responds(OK)),
    "no answer": responds(ECHO.encode()),
    "error in a stream": streams(b"data: " + msgspec.json.encode({"error": {"message": ECHO, "type": KEY}}) + b"\n\n"),
    "no stream": streams(ECHO.encode()),
}


@pytest.mark.parametrize("kind", ["openai", "azure-openai", "anthropic", "bedrock"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_key_is_in_no_error(mock: MockProvider, kind: str, dialect: Dialect, stream: bool) -> None:
    for case, handler in CANARY_ANSWERS.items():
        mock.answers = [handler]
        config = ProviderConfig(
            name="p",
            kind=kind,  # type: ignore[arg-type]
            base_url=mock.url,
            api_key_env="P_KEY",
            region="eu-west-1",
            headers={"x-extra": "env:P_EXTRA"},
            retries=0,
            first_byte_timeout_ms=60,
            answer_timeout_ms=60,
            breaker_failures=1000,
        )
        providers = Providers([config], {"P_KEY": KEY, "P_EXTRA": KEY + "-extra"})
        upstream = providers.upstream(Arm("p", "m"))
        error = await failure(upstream, ask(stream=stream, dialect=dialect))
        chain: BaseException | None = error
        while chain is not None:
            shown = f"{chain!s} {chain!r} {getattr(chain, 'args', ())!r}"
            assert KEY not in shown, case
            chain = chain.__cause__ or chain.__context__
        assert KEY.encode() not in error.body, case
        assert KEY.encode() not in error.event, case
        for value in (upstream, providers, config, vars(upstream)):
            assert KEY not in repr(value), case
        await providers.close()


@pytest.mark.parametrize("asked", [True, False])
async def test_key_is_not_in_an_error_in_mid_stream(mock: MockProvider, upstream: UpstreamMaker, asked: bool) -> None:
    begin = b'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n'
    error = b"data: " + msgspec.json.encode({"error": {"message": ECHO}}) + b"\n\n"
    mock.answers = [streams(begin, 0.02, error)]
    answer = await upstream().open(ask(stream=True, stream_options={"include_usage": asked}))
    passed = b"".join([part async for part in streamed(answer)])
    assert passed == begin + error.replace(KEY.encode(), b"***")


async def test_key_is_not_in_the_headers_of_an_answer(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(OK, headers={"x-request-id": f"r {KEY}"})]
    answer = await upstream().open(ask())
    assert answer.headers == {"x-request-id": "r ***"}


async def test_key_goes_into_the_logs_of_nothing(
    mock: MockProvider, upstream: UpstreamMaker, caplog: pytest.LogCaptureFixture
) -> None:
    mock.answers = [responds({"error": {"message": ECHO}}, 500), drops(), responds(OK)]
    with caplog.at_level(0):
        await upstream(retries=2).open(ask())
    assert KEY not in caplog.text


FIRST = b'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n'


def drips(part: bytes, times: int) -> list[bytes | float]:
    return [piece for _ in range(times) for piece in (part, 0.02)]


async def test_time_that_a_client_takes_is_not_the_providers(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [streams(FIRST, 0.05, FIRST, 0.05, EVENT, b"data: [DONE]\n\n")]
    answer = await upstream(idle_timeout_ms=800).open(ask(stream=True))
    parts = streamed(answer)
    assert await anext(parts) == FIRST
    await asyncio.sleep(1.0)
    assert b"[DONE]" in b"".join([part async for part in parts])
    assert answer.completion.complete


async def test_bytes_that_never_become_an_event_do_not_extend_the_wait(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [streams(FIRST, *drips(b"data: ", 200))]
    answer = await upstream(idle_timeout_ms=500).open(ask(stream=True))
    with pytest.raises(ProviderError, match="no event for 500 ms"):
        _ = [part async for part in streamed(answer)]
    await mock.gone.wait()


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"stream_timeout_ms": 500}, "longer than 500 ms"), ({"max_stream_bytes": 2000}, "longer than 2000 bytes")],
)
async def test_a_stream_has_a_longest_time_and_size(
    mock: MockProvider, upstream: UpstreamMaker, settings: dict[str, int], text: str
) -> None:
    mock.answers = [streams(*drips(FIRST, 500))]
    answer = await upstream(**settings).open(ask(stream=True))
    with pytest.raises(ProviderError, match=text):
        _ = [part async for part in streamed(answer)]
    await mock.gone.wait()


async def test_a_complete_answer_has_a_largest_size(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({**OK, "more": "x" * 2000})]
    error = await failure(upstream(max_answer_bytes=2000), ask())
    assert (error.kind, error.retryable) == ("protocol", False)
    assert (await upstream(max_answer_bytes=3000).open(ask())).status == 200
