"""A client that leaves while a replica decides: the decision is in the log, and so is what came of it, not learned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import Decision
from pointsman.runtime.bus import Bus
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import outcome_of
from tests.integration.llm.scripted_provider import ScriptedProvider
from tests.integration.llm.test_aborted import CONFIG, ask
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

DECIDED = Decision(
    decision_id="T.7.0123456789abcdef",
    tier="T",
    provider="scripted",
    model="m",
    policy="l",
    policy_version=1,
    propensity=1.0,
    explored=False,
    degraded=False,
    stale=False,
    state_age_ms=1,
    scores=[],
)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def config_toml(port: int) -> str:
    return CONFIG.format(port=port)


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    """A gateway alone: the test is the replica."""
    return {"gateway": start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)}


@pytest.fixture
async def provider(port: int) -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider(port) as provider:
        yield provider


async def test_a_decision_whose_client_left_has_an_outcome(
    services: dict[str, ServiceProcess], provider: ScriptedProvider, bus: Bus
) -> None:
    asked: asyncio.Queue[Msg] = asyncio.Queue()
    replica = await bus.nats.subscribe(subjects.decide("T"), cb=asked.put)

    async def streams_are_there() -> bool:
        return (await bus.nats.jetstream().account_info()).streams >= 5

    await eventually(streams_are_there, "the gateway is connected")
    await bus.nats.flush()
    _, writer = await ask(services, unique("wait"))
    question = await asyncio.wait_for(asked.get(), 30.0)
    writer.transport.abort()
    await asyncio.sleep(0.3)  # time enough to notice; there must be an outcome whether it was or not
    await question.respond(encode(DECIDED))
    outcome = await outcome_of(bus, DECIDED.decision_id)
    assert (outcome.learn, outcome.quality) == (False, 0.0)
    assert outcome.served is not None
    assert (outcome.served.provider, outcome.served.attempts) == ("", [])
    await replica.unsubscribe()
