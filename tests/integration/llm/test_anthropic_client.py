"""Anthropic's own client against the gateway, with a provider of its own dialect and one of OpenAI's."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from pointsman.bus import Bus
from services.gateway.llm.headers import NAMES
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import decision_id, outcome_of
from tests.integration.mock_provider import MockProviderProcess
from tests.integration.processes import ServiceProcess

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
def test_an_answer_and_what_it_says_of_itself(anthropic_client: anthropic.Anthropic, model: str) -> None:
    raw = anthropic_client.messages.with_raw_response.create(model=model, max_tokens=100, messages=ask())
    message = raw.parse()
    assert message.stop_reason == "end_turn"
    assert message.content[0].type == "text"
    assert message.usage.output_tokens == 24
    assert set(NAMES) - {"x-pointsman-policy"} <= set(raw.headers)


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


async def test_cached_tokens_are_told_whatever_the_provider_counts_them_as(
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
