"""Arms with an effort: the clients' own SDKs against mock providers that refuse what the real APIs refuse."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman_gateway.chat.answer.headers import ADAPTED
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import decision_id, event_of, outcome_of, pulls
from tests.support.mock_provider import MockProviderProcess

pytestmark = pytest.mark.integration

ARMS = ["alpha:gpt-5@low", "alpha:gpt-5@high", "beta:claude-opus-4-6@low", "beta:claude-sonnet-4-5@high"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [{"name": "get_weather", "input_schema": SCHEMA}]
FUNCTIONS: list[Any] = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]


def ask(text: str = "Which track?") -> list[Any]:
    return [{"role": "user", "content": unique(text)}]


def words(model: str) -> int:
    """Return the length of an answer; the mock has a behaviour of its own for one effort."""
    return 40 if model == "alpha:gpt-5@high" else 24


@pytest.mark.parametrize("model", ARMS)
def test_the_arms_effort_replaces_that_of_an_openai_client(openai_client: openai.OpenAI, model: str) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(
        model=model, messages=ask(), reasoning_effort="medium", temperature=0.2, max_tokens=2000
    )
    assert raw.headers["x-pointsman-model"] == model.partition(":")[2]
    assert set(raw.headers[ADAPTED].split(", ")) == {"reasoning_effort", "temperature"}
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == words(model) + (32 if model.endswith("low") else 512)
    stream = openai_client.chat.completions.create(model=model, messages=ask(), stream=True)
    assert len([chunk for chunk in stream if chunk.choices and chunk.choices[0].delta.content]) == words(model)


@pytest.mark.parametrize("model", ARMS)
def test_an_anthropic_client_receives_thinking_only_when_it_requests_it(
    anthropic_client: anthropic.Anthropic, model: str
) -> None:
    options: dict[str, Any] = {"model": model, "max_tokens": 2000}
    raw = anthropic_client.messages.with_raw_response.create(messages=ask(), extra_body={"temperature": 0.2}, **options)
    assert [block.type for block in raw.parse().content] == ["text"]
    assert raw.headers[ADAPTED] == "temperature"
    with anthropic_client.messages.stream(messages=ask(), **options) as stream:
        assert len(list(stream.text_stream)) == words(model)
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["text"]
    assert final.usage.output_tokens == words(model) + (32 if model.endswith("low") else 512)
    if model.startswith("beta"):
        own = anthropic_client.messages.create(
            messages=ask(), thinking={"type": "enabled", "budget_tokens": 1500}, **options
        )
        assert [block.type for block in own.content] == ["thinking", "text"]


@pytest.mark.parametrize("model", ARMS)
@pytest.mark.parametrize("choice", ["auto", "any"])
def test_tools_with_an_effort(anthropic_client: anthropic.Anthropic, model: str, choice: str) -> None:
    messages = ask("Weather in Bern?")
    options: dict[str, Any] = {"model": model, "max_tokens": 100, "tools": TOOLS, "tool_choice": {"type": choice}}
    message = anthropic_client.messages.create(messages=messages, **options)
    (used,) = message.content
    assert used.type == "tool_use"
    result = [{"type": "tool_result", "tool_use_id": used.id, "content": "rain"}]
    messages += [{"role": "assistant", "content": [used.to_dict()]}, {"role": "user", "content": result}]
    assert anthropic_client.messages.create(messages=messages, **options).content[0].type == "text"


async def test_efforts_of_one_model_are_learned_apart(
    openai_client: openai.OpenAI, alpha: MockProviderProcess, bus: Bus, store: Store
) -> None:
    chosen: dict[str, int] = {}
    for _ in range(24):
        raw = openai_client.chat.completions.with_raw_response.create(model="tier/EFFORT", messages=ask())
        name = f"{raw.headers['x-pointsman-provider']}:{raw.headers['x-pointsman-model']}"
        chosen[name] = chosen.get(name, 0) + 1
    outcome = await outcome_of(bus, decision_id(raw.headers))
    assert outcome.model.partition("@")[2] in ("low", "high")
    assert [
        str(Arm(score.provider, score.model)) for score in (await event_of(bus, decision_id(raw.headers))).scores
    ] == ARMS
    seen = [asked["body"] for asked in alpha.seen() if asked["body"]["model"] == "gpt-5"]
    assert {body["reasoning_effort"] for body in seen} == {"low", "high"}
    learned = await pulls(bus, store, "EFFORT")
    assert {str(arm): n for arm, n in learned.items() if n} == chosen


def test_a_request_that_an_effort_excludes_goes_to_another_arm(openai_client: openai.OpenAI) -> None:
    """Newer models refuse functions with an effort in chat completions: the arm's fault, not the client's."""
    raw = openai_client.chat.completions.with_raw_response.create(
        model="tier/NO_TOOLS", messages=ask(), tools=FUNCTIONS
    )
    assert (raw.headers["x-pointsman-model"], raw.headers["x-pointsman-reason"]) == ("gpt-5.6@none", "fallback")
    assert raw.parse().choices[0].message.tool_calls


def test_clients_find_every_effort_among_the_models(openai_client: openai.OpenAI) -> None:
    assert set(ARMS) <= {model.id for model in openai_client.models.list()}
    assert openai_client.models.retrieve("alpha:gpt-5@high").id == "alpha:gpt-5@high"
