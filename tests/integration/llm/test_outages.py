"""With a part gone in mid-traffic, clients get answers or one clear error, and every outcome counts once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import outcome_decoder
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import decision_id, outcome_of, pulls
from tests.support.loop_calls import read_all
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import NatsServer, ServiceProcess, http_status
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

CLIENTS = 8


class Traffic:
    """Clients that ask one question after the other, some of them streaming, until stopped."""

    def __init__(self, url: str, model: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=30.0)
        self._model = model
        self._stop = False
        self._tasks: list[asyncio.Task[None]] = []
        self.answers: list[dict[str, str]] = []
        self.errors: list[openai.APIError] = []

    async def __aenter__(self) -> Traffic:
        self._tasks = [asyncio.create_task(self._ask(at % 2 == 0)) for at in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)
        await self._client.close()

    async def more(self, count: int) -> None:
        """Wait for so many more answers or errors."""
        wanted = self.total + count

        async def came() -> bool:
            return self.total >= wanted

        await eventually(came, f"{count} more answers")

    @property
    def total(self) -> int:
        return len(self.answers) + len(self.errors)

    def reasons(self) -> Counter[str]:
        return Counter(headers["x-pointsman-reason"] for headers in self.answers)

    async def _ask(self, stream: bool) -> None:
        while not self._stop:
            messages: list[Any] = [{"role": "user", "content": unique("Which track?")}]
            try:
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self._model, messages=messages, stream=stream
                )
                parsed = raw.parse()
                if isinstance(parsed, ChatCompletion):
                    assert parsed.choices[0].message.content
                else:
                    assert [chunk async for chunk in parsed]
                self.answers.append(dict(raw.headers))
            except openai.APIError as error:
                self.errors.append(error)


async def counted_once(bus: Bus, store: Store, tier: str, answers: list[dict[str, str]]) -> None:
    """Check that every answer has exactly one outcome in the log, and that just those of choices were learned from."""
    wanted = {decision_id(headers) for headers in answers}
    ids: Counter[str] = Counter()
    learned: set[str] = set()

    async def all_there() -> bool:
        ids.clear()
        for data in await read_all(bus, subjects.OUTCOMES, subjects.outcomes(tier)):
            outcome = outcome_decoder.decode(data)
            ids[outcome.decision_id] += 1
            if outcome.learn:
                learned.add(outcome.decision_id)
        return wanted <= ids.keys()

    await eventually(all_there, "every answer has an outcome", 60.0)
    assert max(ids.values()) == 1
    assert not [decision for decision in learned if decision.startswith("fallback.")]
    assert sum((await pulls(bus, store, tier)).values()) == len(learned)


async def _warns(gateway: ServiceProcess, warning: str) -> bool:
    """Whether the gateway has a warning, and is ready."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(gateway.url + "/readyz")
    return answer.status_code == 200 and warning in answer.json()["warnings"]


async def test_provider_killed(
    services: dict[str, ServiceProcess], beta: MockProviderProcess, bus: Bus, store: Store
) -> None:
    async with Traffic(services["gateway"].url, "tier/MIX") as traffic:
        await traffic.more(40)
        beta.kill()
        await traffic.more(40)
        await eventually(lambda: _warns(services["gateway"], "provider beta: provider"), "readiness names the provider")
        beta.start()
        await traffic.more(40)
    # What was being streamed when the provider died cannot be served by another; everything else was.
    assert len(traffic.errors) <= CLIENTS
    assert all(error.message for error in traffic.errors)
    assert traffic.reasons()["fallback"] > 0
    assert traffic.reasons().keys() <= {"explored", "fallback"}
    await counted_once(bus, store, "MIX", traffic.answers)


async def test_decision_service_killed(services: dict[str, ServiceProcess], bus: Bus, store: Store) -> None:
    decision = services["decision"]
    async with Traffic(services["gateway"].url, "tier/MIX") as traffic:
        await traffic.more(40)
        decision.kill()
        await traffic.more(40)
        decision.start()
        await traffic.more(40)
    assert traffic.errors == []
    assert traffic.reasons().keys() == {"explored", "degraded"}
    await counted_once(bus, store, "MIX", traffic.answers)


async def test_nats_killed(
    services: dict[str, ServiceProcess], nats_server: NatsServer, nats_url: str, store: Store
) -> None:
    async with Traffic(services["gateway"].url, "tier/MIX") as traffic:
        await traffic.more(40)
        nats_server.kill()
        await traffic.more(40)
        nats_server.start()
        await traffic.more(40)
    assert traffic.errors == []
    assert traffic.reasons().keys() == {"explored", "degraded"}
    gateway = services["gateway"]
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    bus = await Bus.connect(nats_url, "test")
    try:
        await counted_once(bus, store, "MIX", traffic.answers)
    finally:
        await bus.close()


async def test_a_stream_outlives_nats_and_its_outcome_arrives_later(
    services: dict[str, ServiceProcess], nats_server: NatsServer, nats_url: str, store: Store
) -> None:
    client = openai.AsyncOpenAI(base_url=services["gateway"].url + "/v1", api_key="none", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": unique("[mock latency-ms=1500]")}]
    async with (
        client,
        client.chat.completions.with_streaming_response.create(model="tier/ONE", messages=messages, stream=True) as raw,
    ):
        lines = raw.iter_lines()
        await anext(lines)
        nats_server.kill()
        rest = [line async for line in lines]
        headers = dict(raw.headers)
    assert rest[-2:] == ["data: [DONE]", ""] or rest[-1] == "data: [DONE]"
    nats_server.start()
    gateway = services["gateway"]
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    bus = await Bus.connect(nats_url, "test")
    try:
        await counted_once(bus, store, "ONE", [headers])
    finally:
        await bus.close()


async def test_outcomes_that_wait_are_delivered_when_the_gateway_stops(
    services: dict[str, ServiceProcess], bus: Bus, store: Store
) -> None:
    gateway = services["gateway"]
    async with Traffic(gateway.url, "tier/MIX") as traffic:
        await traffic.more(40)
    assert gateway.stop() == 0
    try:
        await counted_once(bus, store, "MIX", traffic.answers)
    finally:
        gateway.start()


async def test_a_stream_that_is_cut_off_because_the_gateway_stops_is_not_learned_from(
    services: dict[str, ServiceProcess], bus: Bus
) -> None:
    gateway = services["gateway"]
    client = openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": unique("[mock latency-ms=60000]")}]
    async with (
        client,
        client.chat.completions.with_streaming_response.create(model="tier/ONE", messages=messages, stream=True) as raw,
    ):
        lines = raw.iter_lines()
        await anext(lines)
        decision = decision_id(raw.headers)
        try:
            assert await asyncio.to_thread(gateway.stop) == 0
        finally:
            await asyncio.to_thread(gateway.start)
    assert not (await outcome_of(bus, decision)).learn
