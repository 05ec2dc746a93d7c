"""Anthropic's own client against the gateway, with a provider of its own dialect and one of OpenAI's."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import pytest

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus
from pointsman_gateway.chat.answer.headers import HEADER_DESCRIPTIONS, TOKENS_ESTIMATED
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import decision_id, outcome_of
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

TOOLS: list[Any] = [
    {
        "name": "get_weather",
        "description": "The weather of a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


def ask(text: str = "Which track?") -> list[Any]:
    return [{"role": "user", "content": unique(text)}]


@pytest.mark.parametrize("model", ["tier/MIX", "auto", "beta:large", "alpha:small"])
def test_an_answer_and_its_headers(anthropic_client: anthropic.Anthropic, model: str) -> None:
    raw = anthropic_client.messages.with_raw_response.create(model=model, max_tokens=100, messages=ask())
    message = raw.parse()
    assert message.stop_reason == "end_turn"
    assert message.content[0].type == "text"
    assert message.usage.output_tokens == 24
    assert set(HEADER_DESCRIPTIONS) - {"x-pointsman-policy"} <= set(raw.headers)


@pytest.mark.parametrize("model", ["beta:large", "alpha:small"])
def test_a_stream(anthropic_client: anthropic.Anthropic, model: str) -> None:
    with anthropic_client.messages.stream(model=model, max_tokens=100, messages=ask()) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) == 24
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 24


async def test_the_asynchronous_client(services: dict[str, ServiceProcess]) -> None:
    async with anthropic.AsyncAnthropic(base_url=services["gateway"].url, api_key="none") as client:
        async with client.messages.stream(model="tier/MIX", max_tokens=100, messages=ask()) as stream:
            pieces = [piece async for piece in stream.text_stream]
        assert len(pieces) == 24


@pytest.mark.parametrize("model", ["beta:large", "alpha:small"])
@pytest.mark.parametrize("stream", [False, True])
def test_tools(anthropic_client: anthropic.Anthropic, model: str, stream: bool) -> None:
    messages = ask("Weather in Bern?")
    options: dict[str, Any] = {"model": model, "max_tokens": 100, "tools": TOOLS}
    if stream:
        with anthropic_client.messages.stream(messages=messages, **options) as streamed:
            message = streamed.get_final_message()
    else:
        message = anthropic_client.messages.create(messages=messages, **options)
    (used,) = [block for block in message.content if block.type == "tool_use"]
    assert (used.name, used.input, message.stop_reason) == ("get_weather", {"city": "mock"}, "tool_use")
    result = [{"type": "tool_result", "tool_use_id": used.id, "content": "rain"}]
    messages += [{"role": "assistant", "content": [used.to_dict()]}, {"role": "user", "content": result}]
    answered = anthropic_client.messages.create(messages=messages, **options)
    assert answered.content[0].type == "text"


def test_instructions_and_headers_reach_a_provider_of_the_same_dialect(
    anthropic_client: anthropic.Anthropic, beta: MockProviderProcess
) -> None:
    messages = ask()
    anthropic_client.messages.create(
        model="beta:large",
        max_tokens=100,
        system="Be brief.",
        messages=messages,
        extra_headers={"anthropic-beta": "some-beta"},
    )
    seen = next(request for request in beta.seen() if request["body"]["messages"] == messages)
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert seen["body"]["system"] == "Be brief."
    assert headers["anthropic-beta"] == "some-beta"
    assert headers["x-api-key"] != "none"


def test_models(anthropic_client: anthropic.Anthropic) -> None:
    names = [model.id for model in anthropic_client.models.list()]
    assert names[0] == "auto"
    assert "beta:large" in names
    assert anthropic_client.models.retrieve("tier/MIX").display_name == "tier/MIX"


def test_errors_are_in_anthropics_shape(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        anthropic_client.messages.create(model="claude", max_tokens=10, messages=ask())
    body = raised.value.body
    assert isinstance(body, dict)
    assert (body["type"], body["error"]["type"]) == ("error", "not_found_error")
    assert "beta:large" in body["error"]["message"]
    with pytest.raises(anthropic.BadRequestError) as refused:
        anthropic_client.messages.create(model="auto", max_tokens=10, messages=[])
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["error"]["type"] == "invalid_request_error"


async def test_tokens_are_counted_by_the_provider_that_can_and_nothing_is_decided(
    anthropic_client: anthropic.Anthropic, beta: MockProviderProcess, bus: Bus
) -> None:
    messages, system = ask("How long is this? " * 20), "Be brief."
    before = (await bus.info(subjects.DECISIONS)).state.messages
    for model in ("beta:large", "tier/MIX"):
        raw = anthropic_client.messages.with_raw_response.count_tokens(model=model, messages=messages, system=system)
        assert TOKENS_ESTIMATED not in raw.headers
        assert (raw.headers["x-pointsman-provider"], raw.headers["x-pointsman-model"]) == ("beta", "large")
        asked = next(request for request in reversed(beta.seen()) if request["body"]["messages"] == messages)
        assert (asked["path"], asked["body"]["model"]) == ("/v1/messages/count_tokens", "large")
        counted = raw.parse().input_tokens
    assert (await bus.info(subjects.DECISIONS)).state.messages == before
    answer = anthropic_client.messages.create(model="beta:large", max_tokens=10, messages=messages, system=system)
    assert counted == answer.usage.input_tokens


def test_tokens_of_a_request_for_a_stream_are_counted_by_the_provider(anthropic_client: anthropic.Anthropic) -> None:
    messages = ask()
    plain = anthropic_client.messages.count_tokens(model="beta:large", messages=messages)
    raw = anthropic_client.messages.with_raw_response.count_tokens(
        model="beta:large", messages=messages, extra_body={"stream": True}
    )
    assert TOKENS_ESTIMATED not in raw.headers
    assert raw.parse() == plain


@pytest.mark.parametrize("model", ["alpha:small", "tier/ONE", "auto", "tier/DEAD"])
def test_tokens_are_estimated_where_no_provider_counts_them(anthropic_client: anthropic.Anthropic, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "four" * 100}]
    raw = anthropic_client.messages.with_raw_response.count_tokens(model=model, messages=messages)
    assert raw.headers[TOKENS_ESTIMATED] == "true"
    assert raw.parse().input_tokens == 100


def test_tokens_are_estimated_when_the_provider_that_counts_is_gone(
    anthropic_client: anthropic.Anthropic, beta: MockProviderProcess
) -> None:
    beta.stop()
    try:
        raw = anthropic_client.messages.with_raw_response.count_tokens(model="beta:large", messages=ask())
        assert raw.headers[TOKENS_ESTIMATED] == "true"
    finally:
        beta.start()
    again = anthropic_client.messages.with_raw_response.count_tokens(model="beta:large", messages=ask())
    assert TOKENS_ESTIMATED not in again.headers


def test_errors_of_a_count_are_in_anthropics_shape(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        anthropic_client.messages.count_tokens(model="claude", messages=ask())
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.BadRequestError):
        anthropic_client.messages.count_tokens(model="beta:large", messages=[])


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions", "/v1/models"])
def test_another_method_is_refused_in_the_clients_dialect(services: dict[str, ServiceProcess], path: str) -> None:
    method = "DELETE" if path == "/v1/models" else "GET"
    answer = httpx.request(method, services["gateway"].url + path, headers={"anthropic-version": "2023-06-01"})
    body = answer.json()
    assert answer.status_code == 405
    assert answer.headers["allow"]
    assert answer.headers["content-type"] == "application/json"
    assert body["error"]["message"] == "this route does not have that method"
    assert (body.get("type") == "error") == ("chat" not in path)


async def test_cached_tokens_are_reported_however_the_provider_counts_them(
    anthropic_client: anthropic.Anthropic, bus: Bus
) -> None:
    messages = ask("A long beginning. " * 50)
    first = anthropic_client.messages.create(model="tier/MIX", max_tokens=100, messages=messages)
    messages += [{"role": "assistant", "content": first.content[0].to_dict()["text"]}, *ask("And then?")]
    raw = anthropic_client.messages.with_raw_response.create(model="tier/MIX", max_tokens=100, messages=messages)
    assert raw.headers["x-pointsman-reason"] == "pinned"
    served = (await outcome_of(bus, decision_id(raw.headers))).served
    assert served is not None
    assert served.cached_tokens is not None
    assert served.input_tokens is not None
    assert 200 < served.cached_tokens < served.input_tokens


def test_a_route_that_is_not_served_is_an_error_with_a_text(services: dict[str, ServiceProcess]) -> None:
    client = anthropic.Anthropic(base_url=services["gateway"].url + "/v1", api_key="none")
    with client, pytest.raises(anthropic.NotFoundError, match=r"/v1/v1/messages is not served.*must end without it"):
        client.messages.create(model="auto", max_tokens=10, messages=ask())
