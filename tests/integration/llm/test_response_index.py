"""Answers are found by their ids, by every gateway, and an id that two answers have had means neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.connections import RedisConfig
from pointsman.contracts.config.tiers import TierConfig
from pointsman.contracts.messages.decision import Decision
from pointsman.runtime.store.store import Store
from pointsman_gateway.api.feedback.response_index import AmbiguousResponse, ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.outcome.response_store import AMBIGUOUS, ResponseStore
from tests.integration.llm.conftest import unique
from tests.support.factories import make_decision

pytestmark = pytest.mark.integration


def decided(number: int, tier: str = "WAIT") -> Decision:
    return make_decision(number, tier, propensity=1.0)


def gateway(url: str) -> Backends:
    tiers = [TierConfig(name="WAIT", arms=["p:m"], reward_wait_s=60.0), TierConfig(name="NOW", arms=["p:m"])]
    return Backends(Config(tier=tiers, redis=RedisConfig(url=url)))


@pytest.fixture
async def gateways(store_url: str) -> AsyncIterator[list[ResponseIndex]]:
    """Two gateways, one store."""
    backends = [gateway(store_url), gateway(store_url)]
    yield [ResponseIndex(one) for one in backends]
    for one in backends:
        await one.close()


async def test_what_one_gateway_answered_the_other_knows(gateways: list[ResponseIndex]) -> None:
    here, there = gateways
    response = unique("chatcmpl")
    here.remember(decided(1), response)
    here.remember(decided(2, "NOW"), response + "-now")
    assert await here.find(response) == decided(1).decision_id
    await here.close()
    assert await there.find(response) == decided(1).decision_id
    assert await there.find(response + "-now") is None


async def test_an_id_that_two_answers_have_had_means_neither(gateways: list[ResponseIndex], store: Store) -> None:
    """As with Ollama, whose ids are 999 numbers: also when each gateway has seen one of the two."""
    here, there = gateways
    response, other = unique("chatcmpl"), unique("chatcmpl")
    here.remember(decided(1), response)
    here.remember(decided(3), other)
    here.remember(decided(3), other)
    await here.close()
    there.remember(decided(2), response)
    await there.close()
    for index in gateways:
        with pytest.raises(AmbiguousResponse):
            await index.find(response)
        assert await index.find(other) == decided(3).decision_id
    assert await ResponseStore(store).decision(response) == AMBIGUOUS
    here.remember(decided(4), response)
    await here.close()
    assert await ResponseStore(store).decision(response) == AMBIGUOUS


async def test_an_id_can_be_had_again_when_the_answer_waits_no_longer(
    gateways: list[ResponseIndex], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = gateways
    response = unique("chatcmpl")
    here.remember(decided(1), response)
    await here.close()
    async for name in store.redis.scan_iter("response:*"):  # as the store does itself, after as long
        await store.redis.delete(name)
    later_s = monotonic() + 121.0
    monkeypatch.setattr("pointsman_gateway.chat.write_behind_cache.monotonic", lambda: later_s)
    here.remember(decided(2), response)
    assert await here.find(response) == decided(2).decision_id
    await here.close()


async def test_nothing_is_left_half_written_when_the_gateway_stops(
    gateways: list[ResponseIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = gateways
    monkeypatch.setattr(here._decisions, "_interval_s", 0.0)
    response = unique("chatcmpl")
    here.remember(decided(1), response)
    for _ in range(3):  # it is being written now
        await asyncio.sleep(0)
    await here.close()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "write entries"] == []
    assert await there.find(response) == decided(1).decision_id
