"""Every kind of provider for every client, over real sockets: where it goes, as whom, and what comes back."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.providers.answer import upstream_stream
from pointsman.llm.providers.failure import ProviderError, UnknownProvider
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import Dialect
from tests.integration.providers.asking import ask, complete, streamed
from tests.integration.providers.conftest import KEY, UpstreamMaker
from tests.integration.providers.mock_provider import Handler, MockProvider, responds, streams
from tests.support.event_stream import event, exception
from tests.support.provider_answers import (
    ANTHROPIC,
    CONVERSE_EVENTS,
    CONVERSE_USAGE,
    MIXED,
    OPENAI,
    OPENAI_USAGE,
    anthropic_events,
    chunk,
)
from tests.support.provider_streams import anthropic_message, openai_answer

CONVERSE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "I set both."},
                {"toolUse": {"toolUseId": "t1", "name": "set_points", "input": {"at": 3}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": CONVERSE_USAGE,
    "metrics": {"latencyMs": 3},
}
KINDS = ["openai", "azure-openai", "anthropic", "bedrock"]
SETTINGS: dict[str, dict[str, Any]] = {"bedrock": {"region": "eu-west-1", "api_key_env": None}}


def whole(kind: str) -> Handler:
    return responds({"anthropic": ANTHROPIC, "bedrock": CONVERSE}.get(kind, OPENAI))


def stream_of(kind: str, size: int = 13) -> Handler:
    if kind == "bedrock":
        written = b"".join(event(name, payload) for name, payload in CONVERSE_EVENTS)
        content_type = "application/vnd.amazon.eventstream"
    else:
        values: list[Any] = anthropic_events()
        if kind != "anthropic":
            texts = [chunk({"role": "assistant", "content": ""}), chunk({"content": "I set both."})]
            values = [*texts, *map(chunk, MIXED), chunk({}, "tool_calls"), chunk(None, usage=OPENAI_USAGE)]
        written = b"".join(b"data: " + msgspec.json.encode(value) + b"\n\n" for value in values)
        written += b"" if kind == "anthropic" else b"data: [DONE]\n\n"
        content_type = "text/event-stream"
    parts = [written[at : at + size] for at in range(0, len(written), size)]
    return streams(*parts, content_type=content_type)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_answer_reaches_the_client_in_its_dialect(
    mock: MockProvider, upstream: UpstreamMaker, kind: str, dialect: Dialect
) -> None:
    mock.answers = [whole(kind)]
    answer = await upstream(kind, **SETTINGS.get(kind, {})).open(ask(dialect=dialect))
    reply = msgspec.json.decode(complete(answer).body)
    if dialect == "openai":
        message = reply["choices"][0]["message"]
        calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
        assert (message["content"], calls[0][0]) == ("I set both.", "set_points")
        assert msgspec.json.decode(calls[0][1]) == {"at": 3}
        usage = reply["usage"]
        assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (95, 80)
    else:
        assert "".join(block.get("text", "") for block in reply["content"]) == "I set both."
        assert next(block["input"] for block in reply["content"] if block["type"] == "tool_use") == {"at": 3}
        assert (reply["usage"]["input_tokens"], reply["usage"]["cache_read_input_tokens"]) == (10, 80)
    done = answer.completion
    assert (done.complete, done.finish_reason, done.text_head) == (True, "tool_calls", "I set both.")
    assert (done.tool_calls[0].name, done.tool_calls[0].valid_json) == ("set_points", True)
    assert done.response_id == reply["id"]
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens) == (95, 7)
    assert (done.usage.cached_input_tokens, done.usage.cache_write_tokens) == (80, 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("size", [1, 13, 100_000])
async def test_stream_reaches_the_client_in_its_dialect(
    mock: MockProvider, upstream: UpstreamMaker, kind: str, dialect: Dialect, size: int
) -> None:
    mock.answers = [stream_of(kind, size)]
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if dialect == "openai" else {}
    answer = await upstream(kind, **SETTINGS.get(kind, {})).open(ask(stream=True, dialect=dialect, **options))
    passed = b"".join([part async for part in streamed(answer)])
    if dialect == "openai":
        reply = openai_answer(passed)
        assert (reply["text"], reply["finish_reason"], reply["usage"]["prompt_tokens"]) == (
            "I set both.",
            "tool_calls",
            95,
        )
        assert (reply["calls"][0]["name"], reply["calls"][0]["arguments"]) == ("set_points", '{"at": 3}')
    else:
        # Anthropic's own stream is passed as it came, and its events here have no names
        reply = anthropic_message(passed) if kind != "anthropic" else ANTHROPIC
        assert "".join(block.get("text", "") for block in reply["content"]) == "I set both."
        assert next(block["input"] for block in reply["content"] if block["type"] == "tool_use") == {"at": 3}
        assert (reply["stop_reason"], reply["usage"]["input_tokens"], reply["usage"]["output_tokens"]) == (
            "tool_use",
            10,
            7,
        )
    done = answer.completion
    assert (done.complete, done.finish_reason, done.text_head) == (True, "tool_calls", "I set both.")
    assert done.tool_calls[0].valid_json
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.cached_input_tokens, done.usage.output_tokens) == (95, 80, 7)


@pytest.mark.parametrize(("dialect", "finish"), [("openai", "tool_calls"), ("anthropic", "tool_use")])
@pytest.mark.parametrize("stream", [False, True])
async def test_stop_reason_of_bedrock_that_contradicts_the_content(
    mock: MockProvider, upstream: UpstreamMaker, dialect: Dialect, finish: str, stream: bool
) -> None:
    written = [
        (name, {"stopReason": "end_turn"} if name == "messageStop" else value) for name, value in CONVERSE_EVENTS
    ]
    kind = "application/vnd.amazon.eventstream"
    events = streams(b"".join(event(name, payload) for name, payload in written), content_type=kind)
    mock.answers = [events if stream else responds({**CONVERSE, "stopReason": "end_turn"})]
    answer = await upstream("bedrock", **SETTINGS["bedrock"]).open(ask(stream=stream, dialect=dialect))
    if stream:
        passed = b"".join([part async for part in streamed(answer)])
        reply = openai_answer(passed) if dialect == "openai" else anthropic_message(passed)
        found = reply["finish_reason" if dialect == "openai" else "stop_reason"]
    else:
        reply = msgspec.json.decode(complete(answer).body)
        found = reply["choices"][0]["finish_reason"] if dialect == "openai" else reply["stop_reason"]
    assert found == finish
    assert answer.completion.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("kind", "base", "path", "header", "model_in_body"),
    [
        ("openai", "", "/v1/chat/completions", "Authorization", "m"),
        ("openai", "/v1", "/v1/chat/completions", "Authorization", "m"),
        ("openai", "/api/v1/", "/api/v1/chat/completions", "Authorization", "m"),
        ("openai", "/serving-endpoints", "/serving-endpoints/chat/completions", "Authorization", "m"),
        ("openai", "/serving-endpoints/x/invocations", "/serving-endpoints/x/invocations", "Authorization", "m"),
        ("azure-openai", "", "/openai/deployments/m/chat/completions?api-version=2024-10-21", "api-key", "m"),
        ("azure-openai", "/openai/v1", "/openai/v1/chat/completions", "api-key", "m"),
        ("anthropic", "", "/v1/messages", "x-api-key", "m"),
        ("anthropic", "/v1", "/v1/messages", "x-api-key", "m"),
        ("anthropic", "/apps/anthropic/v1", "/apps/anthropic/v1/messages", "x-api-key", "m"),
        ("bedrock", "", "/model/m/converse", "Authorization", None),
    ],
)
async def test_request_goes_to_the_providers_address_with_its_key(
    mock: MockProvider, upstream: UpstreamMaker, kind: str, base: str, path: str, header: str, model_in_body: str | None
) -> None:
    mock.answers = [whole(kind)]
    region = {"region": "eu-west-1"} if kind == "bedrock" else {}
    await upstream(kind, base_url=mock.url + base, **region).open(ask())
    assert mock.asked[0].path_qs == path
    assert mock.asked[0].headers[header] == (f"Bearer {KEY}" if header == "Authorization" else KEY)
    assert mock.sent.get("model") == model_in_body
    if kind == "anthropic":
        assert mock.asked[0].headers["anthropic-version"] == "2023-06-01"


async def test_deployments_name_cannot_change_the_path(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [whole("openai")]
    await upstream("azure-openai", models={"m": "../x?y#z"}).open(ask())
    assert mock.asked[0].raw_path.startswith("/openai/deployments/..%2Fx%3Fy%23z/chat/completions?")


async def test_clients_headers_for_its_own_dialect_are_passed_on(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [whole("anthropic")]
    headers = {"anthropic-beta": "b-1", "anthropic-version": "2023-01-01", "x-api-key": "client", "openai-beta": "x"}
    arm = upstream("anthropic")
    await arm.open(ask(dialect="anthropic", headers=headers))
    await arm.open(ask(dialect="openai", headers=headers))
    own, other = mock.asked
    assert (own.headers["anthropic-beta"], own.headers["anthropic-version"]) == ("b-1", "2023-01-01")
    assert own.headers["x-api-key"] == KEY
    assert "anthropic-beta" not in other.headers
    assert "openai-beta" not in own.headers


async def test_configured_headers_stay_and_betas_are_added_up(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [whole("openai"), whole("anthropic")]
    own = {"OpenAI-Organization": "ours", "openai-beta": "a=1"}
    await upstream(headers=own).open(ask(headers={"openai-organization": "theirs", "openai-beta": "b=2"}))
    headers = {"anthropic-beta": "context-1m-2025-08-07"}
    request = ask(dialect="anthropic", headers={"anthropic-beta": "interleaved-thinking-2025-05-14"})
    await upstream("anthropic", headers=headers).open(request)
    openai, anthropic = mock.asked
    assert openai.headers.getall("openai-organization") == ["ours"]
    assert openai.headers.getall("openai-beta") == ["a=1,b=2"]
    assert anthropic.headers["anthropic-beta"] == "context-1m-2025-08-07,interleaved-thinking-2025-05-14"


async def test_a_request_that_cannot_be_translated_is_not_sent(mock: MockProvider, upstream: UpstreamMaker) -> None:
    arm = upstream("anthropic")
    request = ask(n=3)
    refusal = arm.rejection(request)
    assert refusal is not None
    assert refusal.field == "n"
    with pytest.raises(ProviderError) as caught:
        await arm.open(request)
    assert (caught.value.kind, caught.value.tries, caught.value.elsewhere) == ("request", 0, True)
    assert arm.rejection(ask()) is None
    assert mock.asked == []


async def test_error_event_of_another_dialect_becomes_an_error_of_the_clients(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    events = [*anthropic_events()[:6], {"type": "error", "error": {"type": "overloaded_error", "message": "full"}}]
    mock.answers = [streams(*(b"data: " + msgspec.json.encode(each) + b"\n\n" for each in events))]
    answer = await upstream("anthropic").open(ask(stream=True))
    with pytest.raises(ProviderError) as caught:
        _ = [part async for part in streamed(answer)]
    assert caught.value.status == 529
    assert caught.value.event.startswith(b'data: {"error":{"message":"full"')
    assert not answer.completion.complete


async def test_exception_in_bedrocks_stream(mock: MockProvider, upstream: UpstreamMaker) -> None:
    begin = b"".join(event(name, payload) for name, payload in CONVERSE_EVENTS[:5])
    kind = "application/vnd.amazon.eventstream"
    mock.answers = [streams(begin, exception("throttlingException", "slow down"), content_type=kind)]
    arm = upstream("bedrock", **SETTINGS["bedrock"])
    answer = await arm.open(ask(stream=True))
    with pytest.raises(ProviderError) as caught:
        _ = [part async for part in streamed(answer)]
    assert (caught.value.status, caught.value.retryable) == (429, True)
    mock.answers = [streams(exception("serviceUnavailableException", "no"), content_type=kind)]
    with pytest.raises(ProviderError) as caught:
        await arm.open(ask(stream=True))
    assert caught.value.status == 503


async def test_damaged_event_stream(mock: MockProvider, upstream: UpstreamMaker) -> None:
    written = bytearray(event("messageStart", {"role": "assistant"}) * 3)
    written[-3] ^= 1
    mock.answers = [streams(bytes(written), content_type="application/vnd.amazon.eventstream")]
    with pytest.raises(ProviderError) as caught:
        await upstream("bedrock", **SETTINGS["bedrock"]).open(ask(stream=True))
    assert caught.value.kind == "protocol"


def signature(request: web.Request, body: bytes, key_id: str, secret: str, region: str) -> str:
    """Signature Version 4 as AWS describes it, made once more from what arrived."""
    sent = request.headers["Authorization"]
    names = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
    stamp = request.headers["X-Amz-Date"]
    # the path is encoded once more for every service but S3
    path = quote(request.raw_path, safe="/-_.~")
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    canonical = "\n".join(["POST", path, "", headers, ";".join(names), hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (stamp[:8], region, "bedrock", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hmac.new(key, text.encode(), "sha256").hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={digest}"


@pytest.mark.parametrize("stream", [False, True])
async def test_bedrock_is_asked_with_a_signature(mock: MockProvider, upstream: UpstreamMaker, stream: bool) -> None:
    model = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-x-v1:0"
    mock.answers = [stream_of("bedrock") if stream else whole("bedrock")]
    arm = upstream("bedrock", **SETTINGS["bedrock"], models={"m": model})
    answer = await arm.open(ask(stream=stream))
    if stream:
        _ = [part async for part in streamed(answer)]
    asked = mock.asked[0]
    assert asked.raw_path == f"/model/{quote(model, safe='')}/converse" + ("-stream" if stream else "")
    expected = signature(asked, mock.bodies[0], "AKIDCANARY", "secret-canary-key", "eu-west-1")
    assert asked.headers["Authorization"] == expected


def test_provider_that_is_not_configured_is_named() -> None:
    with pytest.raises(UnknownProvider, match="'acme'"):
        Providers([], {}).upstream(Arm("acme", "m"))
    with pytest.raises(UnknownProvider) as caught:
        Providers([], {}).upstream(Arm("acme", "m"), "anthropic")
    assert caught.value.body.startswith(b'{"type":"error"')


@pytest.mark.parametrize(
    ("config", "environ", "missing"),
    [
        (None, {}, "OPENAI_API_KEY"),
        (ProviderConfig(name="azure"), {"AZURE_OPENAI_API_KEY": "k" * 9}, "base_url"),
        (ProviderConfig(name="bedrock"), {}, "AWS_REGION"),
        (ProviderConfig(name="vllm", headers={"x": "env:VLLM_TOKEN"}), {}, "VLLM_TOKEN"),
        (ProviderConfig(name="vllm", api_key_env="K"), {"K": "line\nbreak"}, "K has characters"),
    ],
)
def test_what_is_missing_is_named(config: ProviderConfig | None, environ: dict[str, str], missing: str) -> None:
    providers = Providers([config] if config else [], environ)
    arm = Arm(config.name if config else "openai", "m")
    with pytest.raises(UnknownProvider, match=missing):
        providers.upstream(arm)
    assert not providers.available(arm)
    assert any(missing in problem for problem in providers.problems(arm.provider))


async def test_missing_credentials_of_aws_are_an_error_in_the_clients_dialect(
    monkeypatch: pytest.MonkeyPatch, mock: MockProvider, tmp_path: Path
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    upstream = Providers([ProviderConfig(name="bedrock", region="eu-west-1", base_url=mock.url)], {}).upstream(
        Arm("bedrock", "m")
    )
    with pytest.raises(UnknownProvider, match="AWS_ACCESS_KEY_ID") as caught:
        await upstream.open(ask(dialect="anthropic"))
    assert caught.value.body.startswith(b'{"type":"error"')
    assert (caught.value.answer_status, mock.asked) == (503, [])


async def test_bedrock_is_asked_with_an_api_key_where_there_is_one(mock: MockProvider) -> None:
    mock.answers = [whole("bedrock")]
    section = ProviderConfig(name="bedrock", base_url=mock.url)
    providers = Providers([section], {"AWS_BEARER_TOKEN_BEDROCK": KEY, "AWS_REGION": "eu-west-1"})
    await providers.upstream(Arm("bedrock", "m")).open(ask())
    await providers.close()
    assert mock.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_well_known_providers_need_no_section() -> None:
    providers = Providers([], {"OPENAI_API_KEY": "k" * 20})
    for name in ("openai", "ollama", "lmstudio", "llamacpp", "vllm"):
        arm = Arm(name, "m")
        assert providers.upstream(arm) is providers.upstream(arm)
        assert providers.available(arm)


def test_well_known_key_goes_to_no_other_address() -> None:
    section = ProviderConfig(name="openai", base_url="http://127.0.0.1:9/v1")
    upstream = Providers([section], {"OPENAI_API_KEY": KEY}).upstream(Arm("openai", "m"))
    assert upstream._settings.api_key is None


@pytest.mark.parametrize(
    ("kind", "dialect", "alive"),
    [("openai", "anthropic", b'event: ping\ndata: {"type":"ping"}\n\n'), ("anthropic", "openai", b": thinking\n\n")],
)
async def test_a_model_that_thinks_aloud_keeps_the_clients_connection_alive(
    mock: MockProvider,
    upstream: UpstreamMaker,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    dialect: Dialect,
    alive: bytes,
) -> None:
    monkeypatch.setattr(upstream_stream, "KEEPALIVE_INTERVAL_S", 0.0)
    if kind == "openai":
        thought: dict[str, Any] = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}
        message = {"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}
        parts = [b"data: " + msgspec.json.encode(event) + b"\n\n" for event in (thought, thought, message)]
    else:
        delta = {"type": "thinking_delta", "thinking": "hm"}
        thought = {"type": "content_block_delta", "index": 0, "delta": delta}
        events = anthropic_events()
        begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
        parts = [
            f"event: {event['type']}\n".encode() + b"data: " + msgspec.json.encode(event) + b"\n\n"
            for event in (events[0], begin, thought, {"type": "content_block_stop", "index": 0}, *events[1:])
        ]
    mock.answers = [streams(*[item for part in parts for item in (part, 0.05)])]
    answer = await upstream(kind).open(ask(stream=True, dialect=dialect))
    passed = b"".join([part async for part in streamed(answer)])
    assert alive in passed
    assert answer.completion.complete
