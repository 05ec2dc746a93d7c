"""An arm that fails is followed by the next; what is learned is what came of the one that was chosen (ADR 0014)."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import openai
import pytest

from pointsman.core.bandit import Arm
from pointsman.core.bandit.fixed_policies import JUDGED_AFTER_OUTCOMES
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import decision_id, event_of, outcome_of, outcomes_of, pulls
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def ask(text: str = "Which track?") -> list[Any]:
    return [{"role": "user", "content": unique(text)}]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_arm_serves_and_the_chosen_one_is_learned_from(
    openai_client: openai.OpenAI, bus: Bus, store: Store, stream: bool
) -> None:
    before = await pulls(bus, store, "FALL")
    raw = openai_client.chat.completions.with_raw_response.create(model="tier/FALL", messages=ask(), stream=stream)
    assert list(raw.parse())  # fields, or chunks
    headers = raw.headers
    assert (headers["x-pointsman-reason"], headers["x-pointsman-model"]) == ("fallback", "small")
    assert headers["x-pointsman-attempts"] == "3"  # the broken one twice
    outcome = await outcome_of(bus, decision_id(headers))
    assert (outcome.provider, outcome.model, outcome.learn) == ("alpha", "broken", True)
    assert (outcome.quality, outcome.cost_usd, outcome.propensity) == (0.0, None, 1.0)
    assert outcome.served is not None
    assert (outcome.served.provider, outcome.served.model) == ("alpha", "small")
    assert [(a.model, a.status, a.error) for a in outcome.served.attempts] == [
        ("broken", 500, "status"),
        ("small", 200, None),
    ]
    assert outcome.latency_ms == outcome.served.attempts[0].latency_ms
    event = await event_of(bus, decision_id(headers))
    assert (event.provider, event.model, event.propensity) == ("alpha", "broken", 1.0)
    after = await pulls(bus, store, "FALL")
    broken, small = Arm("alpha", "broken"), Arm("alpha", "small")
    assert after[broken] == before.get(broken, 0) + 1
    assert small not in after  # it was not drawn, so nothing is learned of it


async def test_an_arm_that_never_answers_has_no_cost_and_is_not_the_cheapest(
    openai_client: openai.OpenAI, bus: Bus, store: Store
) -> None:
    async def serves() -> bool:
        raw = openai_client.chat.completions.with_raw_response.create(model="tier/THRIFTY", messages=ask())
        return raw.headers["x-pointsman-reason"] == "policy"

    await eventually(serves, "the arm that answers is chosen")
    broken = (await TierStore(store, "THRIFTY").changes()).arms[Arm("alpha", "broken")]
    assert (broken.mean_cost_usd, broken.reward_sum) == (None, 0.0)
    assert broken.n >= JUDGED_AFTER_OUTCOMES


async def test_when_no_arm_answers_there_is_one_error_and_it_is_learned(
    openai_client: openai.OpenAI, bus: Bus, services: dict[str, ServiceProcess]
) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        openai_client.chat.completions.create(model="tier/DEAD", messages=ask())
    assert raised.value.status_code == 502
    body = raised.value.body
    assert isinstance(body, dict)
    assert body["code"] == "no_model_answered"
    assert "alpha" in body["message"]
    assert "closed" in body["message"]
    headers = raised.value.response.headers
    assert headers["x-pointsman-tier"] == "DEAD"
    outcome = await outcome_of(bus, decision_id(headers))
    assert (outcome.learn, outcome.quality) == (True, 0.0)
    assert outcome.served is not None
    assert [(a.provider, a.error) for a in outcome.served.attempts] == [("alpha", "status"), ("closed", "connect")]
    assert outcome.served.provider == ""


def test_when_no_arm_answers_an_anthropic_client_gets_its_own_error(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        anthropic_client.messages.create(model="tier/DEAD", max_tokens=9, messages=ask())
    body = raised.value.body
    assert isinstance(body, dict)
    assert (raised.value.status_code, body["type"], body["error"]["type"]) == (502, "error", "api_error")


async def test_a_fault_in_the_request_is_passed_on_and_not_learned(openai_client: openai.OpenAI, bus: Bus) -> None:
    """The words are not known, so one other arm is asked; it refuses too."""
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.chat.completions.create(model="tier/MIX", messages=ask("[mock status=400]"))
    assert "as configured" in str(raised.value)
    headers = raised.value.response.headers
    assert headers["x-pointsman-attempts"] == "2"
    assert not (await outcome_of(bus, decision_id(headers))).learn


async def test_a_model_that_is_too_slow_is_followed_by_the_next(openai_client: openai.OpenAI, bus: Bus) -> None:
    """Only beta has a bound that this is beyond; alpha takes its time."""
    for _ in range(64):  # until beta is drawn: 64 times not with probability 5e-20
        raw = openai_client.chat.completions.with_raw_response.create(
            model="tier/MIX", messages=ask("[mock first-byte-ms=1300]")
        )
        if raw.headers["x-pointsman-reason"] == "fallback":
            break
    outcome = await outcome_of(bus, decision_id(raw.headers))
    assert (outcome.provider, outcome.quality, outcome.learn) == ("beta", 0.0, True)
    assert outcome.latency_ms is not None
    assert outcome.latency_ms > 900.0  # it is given up after 1000
    assert outcome.served is not None
    assert outcome.served.attempts[0].error == "timeout"


async def test_an_arm_that_is_named_is_served_or_nothing_is(openai_client: openai.OpenAI, bus: Bus) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        openai_client.chat.completions.create(model="alpha:broken", messages=ask())
    assert "as configured" in str(raised.value)
    raw = openai_client.chat.completions.with_raw_response.create(model="alpha:small", messages=ask())
    for headers in (raised.value.response.headers, raw.headers):
        assert headers["x-pointsman-reason"] == "direct"
        outcome, event = await outcome_of(bus, decision_id(headers)), await event_of(bus, decision_id(headers))
        assert not outcome.learn
        assert (event.propensity, event.pinned, len(event.scores)) == (1.0, True, 1)
        assert event.metadata is not None
        assert event.metadata["direct"] is True


@pytest.mark.parametrize("model", ["alpha:small", "beta:large"])
def test_a_stream_that_breaks_off_ends_with_an_error(openai_client: openai.OpenAI, model: str) -> None:
    chunks = openai_client.chat.completions.create(model=model, messages=ask("[mock break=6]"), stream=True)
    assert next(chunks)
    with pytest.raises(openai.APIError):
        list(chunks)


async def test_what_a_broken_stream_teaches(openai_client: openai.OpenAI, bus: Bus) -> None:
    with openai_client.chat.completions.with_streaming_response.create(
        model="tier/ONE", messages=ask("[mock break=6]"), stream=True
    ) as raw:
        lines = [line for line in raw.iter_lines() if line]
    assert '"error"' in lines[-1]
    outcome = await outcome_of(bus, decision_id(raw.headers))
    assert (outcome.learn, outcome.quality) == (True, 0.0)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_client_that_leaves_in_mid_stream_still_yields_one_outcome(
    services: dict[str, ServiceProcess], alpha: MockProviderProcess, bus: Bus, path: str
) -> None:
    """The provider would go on for a minute; the outcome is there long before, because its connection was cut."""
    body = {"model": "tier/ONE", "messages": ask("[mock latency-ms=60000]"), "stream": True, "max_tokens": 99}
    async with (
        httpx.AsyncClient(base_url=services["gateway"].url, timeout=20.0) as client,
        client.stream("POST", path, json=body) as answer,
    ):
        decision = decision_id(answer.headers)
        await anext(answer.aiter_bytes())
    outcome = await outcome_of(bus, decision)
    assert outcome.learn
    assert outcome.served is not None
    assert outcome.served.finish is None
    assert outcome.latency_ms is not None
    assert outcome.latency_ms < 30_000.0


async def test_a_client_that_leaves_before_anything_came_teaches_nothing(
    services: dict[str, ServiceProcess], alpha: MockProviderProcess, bus: Bus
) -> None:
    before = await _disconnects(services["gateway"].url)
    body = {"model": "tier/ONE", "messages": ask("[mock first-byte-ms=60000]")}
    with pytest.raises(httpx.ReadTimeout):
        async with httpx.AsyncClient(base_url=services["gateway"].url, timeout=0.5) as client:
            await client.post("/v1/chat/completions", json=body)

    async def noticed() -> bool:
        return await _disconnects(services["gateway"].url) == before + 1

    await eventually(noticed, "the gateway has noticed")
    seen = [request for request in alpha.seen() if request["body"]["messages"] == body["messages"]]
    assert len(seen) == 1


async def _disconnects(url: str) -> float:
    async with httpx.AsyncClient() as client:
        lines = (await client.get(url + "/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("pointsman_llm_disconnects_total"))


async def test_each_answer_is_counted_once(openai_client: openai.OpenAI, bus: Bus, store: Store) -> None:
    before = sum((await pulls(bus, store, "ONE")).values())
    decisions = []
    for at in range(20):
        raw = openai_client.chat.completions.with_raw_response.create(model="tier/ONE", messages=ask(str(at)))
        decisions.append(decision_id(raw.headers))
    for decision in decisions:
        assert (await outcome_of(bus, decision)).quality == 100.0
    assert sum((await pulls(bus, store, "ONE")).values()) == before + 20
    assert [len(await outcomes_of(bus, decision)) for decision in decisions[:3]] == [1, 1, 1]
