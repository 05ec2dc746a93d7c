"""What the gateway makes of requests: the tier of ``auto``, and contexts by an extractor of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anthropic
import httpx
import openai
import pytest

from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.integration.llm.conftest import CONFIG, MOCK_KEY, unique
from tests.integration.llm.outcomes import decision_id, event_of, outcome_of
from tests.integration.llm.own_features import FAILS_ON
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, StoreServer, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

AUTO = """
[[llm.auto]]
tier = "ONE"
below = 0.3
[[llm.auto]]
tier = "MIX"
"""
LABEL = "tests.integration.llm.own_features:OwnFeatures/2026-11"
DEMANDING = "Prove it step by step; explain, justify and verify each step in detail."


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess, beta: MockProviderProcess) -> str:
    config = CONFIG.format(alpha=alpha.url, beta=beta.url, closed=free_port()).replace("dim = 12", "dim = 3")
    return config.replace("[llm]", '[llm]\nfeatures = "tests.integration.llm.own_features:OwnFeatures"') + AUTO


async def send_openai(client: openai.OpenAI, text: str, model: str = "auto") -> Mapping[str, str]:
    messages: list[Any] = [{"role": "user", "content": text}]
    return client.chat.completions.with_raw_response.create(model=model, messages=messages).headers


@pytest.mark.parametrize(("text", "tier"), [("Hi", "ONE"), (DEMANDING, "MIX")])
async def test_auto_finds_the_tier_by_the_request_and_reports_its_score(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, bus: Bus, text: str, tier: str
) -> None:
    text = unique(text)
    headers = await send_openai(openai_client, text)
    assert headers["x-pointsman-tier"] == tier
    score = float(headers["x-pointsman-auto-score"])
    assert (score >= 0.3) == (tier == "MIX")
    event = await event_of(bus, decision_id(headers))
    assert event.metadata is not None
    assert event.metadata["auto_score"] == score

    other = anthropic_client.messages.with_raw_response.create(
        model="auto", max_tokens=50, messages=[{"role": "user", "content": text}]
    )
    assert (other.headers["x-pointsman-tier"], float(other.headers["x-pointsman-auto-score"])) == (tier, score)


async def turns(client: openai.OpenAI, texts: list[str], **more: Any) -> list[Mapping[str, str]]:
    """Go through a conversation; return the headers of its answers."""
    messages: list[Any] = []
    headers: list[Mapping[str, str]] = []
    for text in texts:
        messages.append({"role": "user", "content": text})
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=messages, **more)
        messages.append({"role": "assistant", "content": raw.parse().choices[0].message.content})
        headers.append(raw.headers)
    return headers


@pytest.mark.parametrize("named", [False, True])
async def test_a_conversation_of_auto_stays_in_its_tier_with_its_model(
    openai_client: openai.OpenAI, bus: Bus, named: bool
) -> None:
    more = {"extra_headers": {"x-pointsman-session": unique("s").replace(" ", "")}} if named else {}
    first, *later = await turns(openai_client, [unique(DEMANDING), "Thanks", "Bye"], **more)
    assert first["x-pointsman-tier"] == "MIX"
    for headers in later:
        assert float(headers["x-pointsman-auto-score"]) < 0.3
        assert (headers["x-pointsman-tier"], headers["x-pointsman-reason"]) == ("MIX", "pinned")
        assert headers["x-pointsman-model"] == first["x-pointsman-model"]
        event = await event_of(bus, decision_id(headers))
        assert event.metadata is not None
        assert (event.tier, event.metadata["auto_from"]) == ("MIX", "MIX")
    event = await event_of(bus, decision_id(first))
    assert event.metadata is not None
    assert "auto_from" not in event.metadata


async def test_a_conversation_of_auto_rises_to_a_higher_tier_and_stays_there(
    openai_client: openai.OpenAI, bus: Bus
) -> None:
    low, high, last = await turns(openai_client, [unique("Hi"), DEMANDING, "Thanks"])
    assert [headers["x-pointsman-tier"] for headers in (low, high, last)] == ["ONE", "MIX", "MIX"]
    assert [headers["x-pointsman-reason"] for headers in (high, last)] == ["explored", "pinned"]
    assert last["x-pointsman-model"] == high["x-pointsman-model"]
    event = await event_of(bus, decision_id(high))
    assert event.metadata is not None
    assert event.metadata["auto_from"] == "ONE"


async def test_another_gateway_knows_the_tier_of_a_conversation_of_auto(
    openai_client: openai.OpenAI, start_service: StartService, store: Store
) -> None:
    before = set(await store.redis.keys("session:{.auto}:*"))
    (first,) = await turns(openai_client, [text := unique(DEMANDING)])

    async def in_store() -> bool:
        return set(await store.redis.keys("session:{.auto}:*")) > before

    await eventually(in_store, "the conversation is in the store")
    other = start_service("gateway-2", MOCK_KEY=MOCK_KEY, **RELAXED_TIMEOUTS)
    messages: list[Any] = [{"role": "user", "content": text}, {"role": "assistant", "content": "any"}]
    messages.append({"role": "user", "content": "Thanks"})
    with openai.OpenAI(base_url=other.url + "/v1", api_key="none", max_retries=0) as client:
        headers = client.chat.completions.with_raw_response.create(model="auto", messages=messages).headers
    assert (headers["x-pointsman-tier"], headers["x-pointsman-reason"]) == ("MIX", "pinned")
    assert headers["x-pointsman-model"] == first["x-pointsman-model"]


async def test_without_the_store_a_conversation_of_auto_stays_by_memory(
    openai_client: openai.OpenAI, store_server: StoreServer
) -> None:
    store_server.stop()
    try:
        first, second = await turns(openai_client, [unique(DEMANDING), "Thanks"])
    finally:
        store_server.start()
    assert (second["x-pointsman-tier"], second["x-pointsman-reason"]) == ("MIX", "pinned")
    assert second["x-pointsman-model"] == first["x-pointsman-model"]


async def test_who_names_a_tier_gets_no_score(openai_client: openai.OpenAI, bus: Bus) -> None:
    headers = await send_openai(openai_client, unique(DEMANDING), "tier/ONE")
    assert "x-pointsman-auto-score" not in headers
    event = await event_of(bus, decision_id(headers))
    assert event.metadata is not None
    assert "auto_score" not in event.metadata


async def test_contexts_are_those_of_the_extractor_that_is_logged(openai_client: openai.OpenAI, bus: Bus) -> None:
    text = unique("Hello")
    decision = decision_id(await send_openai(openai_client, text))
    event = await event_of(bus, decision)
    assert event.metadata is not None
    assert event.metadata["features"] == LABEL
    assert event.context == [1.0, len(text) / 1000.0, 0.0]
    assert (await outcome_of(bus, decision)).context == event.context


async def test_an_extractor_that_fails_costs_the_choice_but_not_the_answer(
    openai_client: openai.OpenAI, services: dict[str, ServiceProcess], bus: Bus
) -> None:
    before = fallbacks(services)
    headers = await send_openai(openai_client, unique(f"{FAILS_ON} secret"), "tier/MIX")
    assert (headers["x-pointsman-reason"], headers["x-pointsman-model"]) == ("degraded", "small")
    assert "x-pointsman-propensity" not in headers
    assert fallbacks(services) == before + 1
    outcome = await outcome_of(bus, decision_id(headers))
    assert not outcome.learn
    log = services["gateway"].output()
    assert "own_features:OwnFeatures: ValueError at " in log
    assert "secret" not in log


def fallbacks(services: dict[str, ServiceProcess]) -> float:
    lines = httpx.get(services["gateway"].url + "/metrics").text.splitlines()
    name = 'pointsman_fallback_decisions_total{reason="features",tier="MIX"}'
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)
