"""A process that stands by says nothing of a tier that another one works on: Prometheus takes the largest of all."""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest

from pointsman.contracts.config import Config
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.settler import TierSettler
from pointsman_reward_updater.writer import TierWriter
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.tier_evaluator import TierEvaluator
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "SIMPLE"
OF_ONE = (
    metrics.log_lag,
    metrics.watermark,
    metrics.feedback_held,
    metrics.shadow_lag,
    metrics.shadow_reward_lag,
)


class Worker(Protocol):
    status: str

    async def run(self) -> None: ...


async def test_what_it_knew_before_is_told_no_more(bus: Bus, store: Store, config: Config) -> None:
    for role in ("reward-updater", "settler", "shadow-evaluator"):
        assert await Lease(store, role, TIER, "another", 60_000).hold()
    workers: list[Worker] = [
        TierWriter(bus, store, TIER, config, "this"),
        TierSettler(bus, store, TIER, config, "this"),
        TierEvaluator(bus, store, config.tier[0], config, "this", EventPublisher(bus)),
    ]
    for gauge in (*OF_ONE, metrics.halted):  # as if it had held the leases until now
        gauge.labels(TIER).set(5000.0)
    tasks = [asyncio.create_task(worker.run()) for worker in workers]

    async def stand_by() -> bool:
        return all(worker.status == "standby" for worker in workers)

    await eventually(stand_by, "all three stand by")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {gauge.values().get((TIER,)) for gauge in OF_ONE} == {None}
    assert metrics.halted.values().get((TIER,)) == 0.0
