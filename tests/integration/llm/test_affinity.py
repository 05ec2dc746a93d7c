"""A conversation stays with its model, over gateways and restarts, until the policy gains more than it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import openai
import pytest

from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.integration.llm.conftest import MOCK_KEY, unique
from tests.integration.llm.outcomes import decision_id, event_of, outcome_of
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess, StoreServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def ask(client: openai.OpenAI, messages: list[Any], **more: Any) -> Mapping[str, str]:
    """Ask for the next turn, and add the answer to the conversation."""
    raw = client.chat.completions.with_raw_response.create(model="tier/MIX", messages=messages, **more)
    messages.append({"role": "assistant", "content": raw.parse().choices[0].message.content})
    return raw.headers


def model_of(headers: Mapping[str, str]) -> str:
    return headers["x-pointsman-model"]


async def test_a_conversation_stays_and_its_propensity_is_reported(openai_client: openai.OpenAI, bus: Bus) -> None:
    """With two arms drawn uniformly, ten conversations of three turns stay by chance with probability 4^-10."""
    for _ in range(10):
        messages: list[Any] = [{"role": "user", "content": unique("Hello")}]
        first = ask(openai_client, messages)
        assert first["x-pointsman-reason"] == "explored"
        for _ in range(2):
            messages.append({"role": "user", "content": "Go on"})
            headers = ask(openai_client, messages)
            assert headers["x-pointsman-reason"] == "pinned"
            assert model_of(headers) == model_of(first)
            assert headers["x-pointsman-propensity"] == "1"
    event = await event_of(bus, decision_id(headers))
    assert (event.pinned, event.propensity) == (True, 1.0)
    outcome = await outcome_of(bus, decision_id(headers))
    assert (outcome.learn, outcome.propensity) == (True, 1.0)


def test_a_first_turn_is_never_pinned_and_another_history_is_another_conversation(
    openai_client: openai.OpenAI,
) -> None:
    text = unique("Hello")
    reasons = [ask(openai_client, [{"role": "user", "content": text}])["x-pointsman-reason"] for _ in range(6)]
    assert set(reasons) == {"explored"}
    messages: list[Any] = [{"role": "user", "content": text}]
    ask(openai_client, messages)
    changed = [{"role": "user", "content": text + "!"}, messages[1], {"role": "user", "content": "Go on"}]
    assert ask(openai_client, changed)["x-pointsman-reason"] == "explored"
    of_another = [*messages, {"role": "user", "content": "Go on"}]
    assert ask(openai_client, of_another, user="another user")["x-pointsman-reason"] == "explored"


def test_a_named_session_stays_whatever_its_messages(openai_client: openai.OpenAI) -> None:
    session = {"x-pointsman-session": unique("s").replace(" ", "")}
    first = ask(openai_client, [{"role": "user", "content": unique("Hello")}], extra_headers=session)
    assert first["x-pointsman-reason"] == "explored"
    for _ in range(10):
        headers = ask(openai_client, [{"role": "user", "content": unique("Other")}], extra_headers=session)
        assert (headers["x-pointsman-reason"], model_of(headers)) == ("pinned", model_of(first))


async def test_another_gateway_knows_the_conversation_and_only_digests_are_stored(
    openai_client: openai.OpenAI, start_service: StartService, services: dict[str, ServiceProcess], store: Store
) -> None:
    other = start_service("gateway-2", MOCK_KEY=MOCK_KEY, **RELAXED_TIMEOUTS)
    models = Counter[str]()
    before = set(await store.redis.keys("session:*"))
    written: list[bytes | str] = []
    for turns in range(0, 12, 2):
        text = unique("Hello there")
        messages: list[Any] = [{"role": "user", "content": text}]
        first = ask(openai_client, messages)

        async def in_store() -> bool:
            written[:] = [key for key in await store.redis.keys("session:*") if key not in before]
            return len(written) == turns + 1  # noqa: B023

        await eventually(in_store, "the conversation is in the store")
        for key in written:
            assert bytes(key).startswith(b"session:{MIX}:")  # type: ignore[arg-type]  # bytes they are
            assert 0 < await store.redis.ttl(key) <= 600
        assert text not in repr(written)
        messages.append({"role": "user", "content": "Go on"})
        with openai.OpenAI(base_url=other.url + "/v1", api_key="none", max_retries=0) as client:
            headers = ask(client, messages)
        assert (headers["x-pointsman-reason"], model_of(headers)) == ("pinned", model_of(first))
        models[model_of(headers)] += 1
    assert sum(models.values()) == 6


def test_without_the_store_a_conversation_stays_by_memory(
    openai_client: openai.OpenAI, store_server: StoreServer
) -> None:
    store_server.stop()
    try:
        messages: list[Any] = [{"role": "user", "content": unique("Hello")}]
        first = ask(openai_client, messages)
        for _ in range(3):
            messages.append({"role": "user", "content": "Go on"})
            headers = ask(openai_client, messages)
            assert (headers["x-pointsman-reason"], model_of(headers)) == ("pinned", model_of(first))
    finally:
        store_server.start()
