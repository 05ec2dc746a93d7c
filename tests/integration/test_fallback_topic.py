"""Degraded decisions are published once each: on the event streams of all gateways and on NATS."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pointsman.contracts.messages.decision import FallbackEvent, fallback_decoder
from pointsman.runtime.bus import Bus
from tests.support.fixtures import StartService
from tests.support.gateway_calls import REQUEST
from tests.support.processes import NatsServer, ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

OPEN_REQUEST = {"tier": "OPEN", "context": [1.0, 0.0, 0.0], "candidates": [{"provider": "a", "model": "m"}]}


@pytest.fixture(scope="module")
def gateways(start_service: StartService) -> list[ServiceProcess]:
    """Two gateways, and no replica that decides."""
    return [start_service(name, wait_for="/healthz") for name in ("gateway", "gateway-2")]


@pytest_asyncio.fixture
async def web(gateways: list[ServiceProcess]) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client of each gateway, once both have NATS."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=20.0))
            for gateway in gateways
        ]

        async def connected() -> bool:
            return all([await _connected(client) for client in clients])

        await eventually(connected, "NATS")
        yield clients


async def _connected(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/readyz")).json()["checks"]["nats"] == "ok")


async def _degraded(client: httpx.AsyncClient, request: dict[str, Any] = REQUEST) -> dict[str, Any]:
    answer = (await client.post("/v1/decisions", json=request)).json()
    assert answer["degraded"]
    return dict(answer)


class Stream:
    """What a client of an event stream hears.

    Attributes
    ----------
    heard : list of (str, object)
        Name and data of each event, in order.
    """

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._lines = lines

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, client: httpx.AsyncClient, **parameters: str) -> AsyncIterator[Stream]:
        """Open one, once it listens to NATS."""
        async with client.stream("GET", "/v1/events/decisions", params=parameters) as answer:
            lines = answer.aiter_lines()
            async for line in lines:
                if line == ": listening":
                    break
            yield cls(lines)

    async def until(self, *ids: str) -> list[str]:
        """Read until all of these were heard; return the ids of everything heard so far, in order."""
        name = ""
        while not set(ids) <= set(self.ids):
            line = await anext(self._lines)
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                self.heard.append((name, json.loads(line.removeprefix("data: "))))
        return self.ids

    @property
    def ids(self) -> list[str]:
        return [data["decision_id"] for _, data in self.heard]


@pytest_asyncio.fixture
async def observed(bus: Bus) -> list[FallbackEvent]:
    """Everything on ``fallbacks.>``, as it comes."""
    events: list[FallbackEvent] = []

    async def on_message(message: Any) -> None:
        events.append(fallback_decoder.decode(message.data))
        assert message.subject == f"fallbacks.{events[-1].tier}"

    await bus.nats.subscribe("fallbacks.>", cb=on_message)
    await bus.nats.flush()
    return events


async def test_a_degraded_answer_is_heard_once_by_everybody(
    web: list[httpx.AsyncClient], observed: list[FallbackEvent]
) -> None:
    first, second = web

    async def answered(by: httpx.AsyncClient, request: dict[str, Any] = REQUEST) -> str:
        """Have an answer, and wait until NATS has handed it to all who listen, its own gateway included."""
        decision = await _degraded(by, request)

        async def seen() -> bool:
            return decision["decision_id"] in [event.decision_id for event in observed]

        await eventually(seen, "on NATS")
        event = observed[-1]
        assert event.reason == "no_replica"
        assert event.decided_at_ms > 0
        assert {name: getattr(event, name) for name in decision} == decision
        return str(decision["decision_id"])

    async with Stream.of(first) as at_first, Stream.of(second) as at_second, Stream.of(first, tier="OPEN") as only:
        ids = [await answered(first), await answered(first), await answered(second)]
        in_open = await answered(second, OPEN_REQUEST)
        # What comes after these two was sent to both gateways after all of the above.
        ids += [in_open, await answered(first), await answered(second)]
        for stream in (at_first, at_second):
            assert sorted(await stream.until(*ids)) == sorted(ids)
            assert {name for name, _ in stream.heard} == {"fallback"}
        assert [event.decision_id for event in observed] == ids
        assert await only.until(in_open) == [in_open]
        assert {data["tier"] for _, data in only.heard} == {"OPEN"}


async def test_without_nats_only_streams_of_the_same_gateway_receive_it_and_it_is_not_sent_later(
    web: list[httpx.AsyncClient], nats_server: NatsServer, bus: Bus, observed: list[FallbackEvent]
) -> None:
    first, second = web
    async with Stream.of(first) as at_first, Stream.of(second) as at_second:
        await asyncio.to_thread(nats_server.kill)
        try:

            async def gone() -> bool:
                return not (await _connected(first) or await _connected(second))

            await eventually(gone, "NATS gone")
            without = [(await _degraded(first))["decision_id"] for _ in range(3)]
            assert await at_first.until(*without) == without
            assert {data["reason"] for _, data in at_first.heard} == {"nats"}
        finally:
            await asyncio.to_thread(nats_server.start)

        async def back() -> bool:
            return await _connected(first) and await _connected(second) and bus.connected

        await eventually(back, "NATS back")
        await bus.nats.flush()
        after = [(await _degraded(first))["decision_id"]]
        await at_second.until(*after)
        assert not set(at_second.ids) & set(without)
        assert not {event.decision_id for event in observed} & set(without)


async def test_the_system_view_counts_them(web: list[httpx.AsyncClient]) -> None:
    for client in web:
        await _degraded(client)

    async def counted() -> bool:
        system = (await web[0].get("/v1/system")).json()
        return bool((system["throughput"]["degraded_per_s"] or 0.0) > 0.0)

    await eventually(counted, "degraded answers are counted")
