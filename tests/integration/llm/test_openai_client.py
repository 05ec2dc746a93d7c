"""OpenAI's own client against the gateway: what it can do with OpenAI it can do here."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from pointsman.runtime.bus import Bus
from pointsman_gateway.chat.answer.headers import HEADER_DESCRIPTIONS
from tests.integration.llm.conftest import MOCK_KEY, unique
from tests.integration.llm.outcomes import decision_id, event_of, outcome_of
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
            },
        },
    }
]


def ask(text: str = "Which track?") -> list[Any]:
    return [{"role": "user", "content": unique(text)}]


@pytest.mark.parametrize("model", ["tier/ONE", "tier/MIX", "auto", "alpha:small", "beta:large"])
def test_an_answer_and_its_headers(openai_client: openai.OpenAI, model: str) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(model=model, messages=ask())
    completion = raw.parse()
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0
    headers = raw.headers
    direct = ":" in model
    assert [name for name in HEADER_DESCRIPTIONS if name not in headers] == (["x-pointsman-policy"] if direct else [])
    assert headers["x-pointsman-reason"] == ("direct" if direct else "explored")
    assert float(headers["x-pointsman-propensity"]) == (0.5 if model == "tier/MIX" else 1.0)
    assert headers["x-pointsman-attempts"] == "1"
    assert float(headers["x-pointsman-overhead-ms"]) > 0.0


async def test_the_asynchronous_client(services: dict[str, ServiceProcess]) -> None:
    async with openai.AsyncOpenAI(base_url=services["gateway"].url + "/v1", api_key="none") as client:
        completion = await client.chat.completions.create(model="tier/ONE", messages=ask())
        assert completion.choices[0].message.content
        stream = await client.chat.completions.create(model="tier/ONE", messages=ask(), stream=True)
        words = [chunk.choices[0].delta.content async for chunk in stream]
    assert len([word for word in words if word]) == 24


@pytest.mark.parametrize("model", ["alpha:small", "beta:large"])
def test_a_stream_comes_in_pieces_and_usage_only_when_asked_for(openai_client: openai.OpenAI, model: str) -> None:
    chunks = list(openai_client.chat.completions.create(model=model, messages=ask(), stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) == 24
    asked = list(
        openai_client.chat.completions.create(
            model=model, messages=ask(), stream=True, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens == 24


def test_every_header_is_there_before_the_first_byte_of_a_stream(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.with_streaming_response.create(
        model="tier/MIX", messages=ask("[mock latency-ms=300]"), stream=True
    ) as raw:
        assert set(HEADER_DESCRIPTIONS) <= set(raw.headers)
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert sum(1 for _ in raw.iter_lines()) > 24


@pytest.mark.parametrize("model", ["alpha:small", "beta:large"])
@pytest.mark.parametrize("stream", [False, True])
def test_tools(openai_client: openai.OpenAI, model: str, stream: bool) -> None:
    messages = ask("Weather in Bern?")
    if stream:
        arguments, name, finish = "", None, None
        for chunk in openai_client.chat.completions.create(model=model, messages=messages, tools=TOOLS, stream=True):
            for call in chunk.choices[0].delta.tool_calls or []:
                assert call.function is not None
                name = name or call.function.name
                arguments += call.function.arguments or ""
            finish = chunk.choices[0].finish_reason or finish
    else:
        choice = openai_client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0]
        assert choice.message.tool_calls
        (called,) = choice.message.tool_calls
        assert called.type == "function"
        name, arguments, finish = called.function.name, called.function.arguments, choice.finish_reason
        messages += [choice.message.to_dict(), {"role": "tool", "tool_call_id": called.id, "content": "rain"}]
        answered = openai_client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0]
        assert answered.message.content
    assert (name, json.loads(arguments), finish) == ("get_weather", {"city": "mock", "days": 1}, "tool_calls")


def test_what_the_client_sends_is_passed_on_and_its_key_is_not(
    openai_client: openai.OpenAI, alpha: MockProviderProcess
) -> None:
    messages = ask()
    openai_client.chat.completions.create(
        model="tier/ONE", messages=messages, temperature=0.25, seed=7, extra_body={"some_field": {"of": ["its", 1]}}
    )
    seen = next(request for request in alpha.seen() if request["body"]["messages"] == messages)
    body = seen["body"]
    assert (body["model"], body["temperature"], body["seed"]) == ("small", 0.25, 7)
    assert body["some_field"] == {"of": ["its", 1]}
    assert {name.lower(): value for name, value in seen["headers"].items()}["authorization"] == f"Bearer {MOCK_KEY}"


def test_models(openai_client: openai.OpenAI) -> None:
    names = [model.id for model in openai_client.models.list()]
    assert names[0] == "auto"
    assert {"tier/ONE", "tier/MIX", "alpha:small", "beta:large"} <= set(names)
    assert "tier/EMPTY" not in names
    assert openai_client.models.retrieve("tier/ONE").id == "tier/ONE"
    assert openai_client.models.retrieve("alpha:small").owned_by == "pointsman"
    with pytest.raises(openai.NotFoundError, match="tier/ONE"):
        openai_client.models.retrieve("tier/NONE")


@pytest.mark.parametrize("model", ["gpt-5", "tier/NONE", "tier/", "tier/EMPTY", "alpha:other", "unknown"])
def test_an_unknown_model_is_a_404_that_names_what_there_is(openai_client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        openai_client.chat.completions.create(model=model, messages=ask())
    body = raised.value.body
    assert isinstance(body, dict)
    assert (body["code"], body["param"], body["type"]) == ("model_not_found", "model", "invalid_request_error")
    assert "alpha:small" in body["message"]
    assert "tier/ONE" in body["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model": "auto"', None),
        (b"[]", None),
        (b'{"messages": [{}]}', "model"),
        (b'{"model": 7, "messages": [{}]}', "model"),
        (b'{"model": "auto", "messages": []}', "messages"),
        (b'{"model": "auto", "messages": ["hi"]}', "messages"),
        (b'{"model": "auto", "messages": [{"role": "user"}], "stream": "yes"}', "stream"),
    ],
)
def test_an_invalid_body_is_refused_in_openais_form(
    openai_client: openai.OpenAI, body: bytes, param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.post("/chat/completions", cast_to=object, content=body)
    answered = raised.value.body
    assert isinstance(answered, dict)
    assert answered["param"] == param
    assert answered["type"] == "invalid_request_error"
    assert answered["message"]


async def test_nothing_of_a_message_is_in_the_logs(openai_client: openai.OpenAI, bus: Bus) -> None:
    secret = "xyzzy-plugh-1976"
    raw = openai_client.chat.completions.with_raw_response.create(model="tier/MIX", messages=ask(secret), user="u-1")
    decision = decision_id(raw.headers)
    outcome, event = await outcome_of(bus, decision), await event_of(bus, decision)
    assert event.metadata is not None
    assert (event.metadata["dialect"], event.metadata["model"]) == ("openai", "tier/MIX")
    assert event.metadata["features"].startswith("chat")
    text_of_answer = raw.parse().choices[0].message.content
    assert text_of_answer
    assert not [text for text in (secret, text_of_answer) if text in repr((outcome, event))]


def test_a_route_that_is_not_served_is_an_error_with_a_text(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"/v1/responses is not served.*chat completions") as refused:
        openai_client.responses.create(model="auto", input="Hi")
    assert (refused.value.code, refused.value.type) == ("unknown_url", "invalid_request_error")
    with pytest.raises(openai.NotFoundError, match="/v1/embeddings is not served"):
        openai_client.embeddings.create(model="auto", input="Hi")


def test_a_base_url_without_the_version_is_explained(services: dict[str, ServiceProcess]) -> None:
    client = openai.OpenAI(base_url=services["gateway"].url, api_key="none")
    with client, pytest.raises(openai.NotFoundError, match="base URL must end with it"):
        client.chat.completions.create(model="auto", messages=ask())
