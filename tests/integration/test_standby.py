"""A process on standby reports no gauges of the tier: Prometheus takes the maximum of all processes."""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest

from pointsman.contracts.config import Config
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.feedback_settler import FeedbackSettler
from pointsman_reward_updater.outcome_writer import OutcomeWriter
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
    @property
    def status(self) -> str: ...

    async def run(self) -> None: ...


async def test_process_on_standby_removes_the_gauges_of_the_tier(bus: Bus, store: Store, config: Config) -> None:
    for role in ("reward-updater", "settler", "shadow-evaluator"):
        assert await Lease(store, role, TIER, "another", 60_000).hold()
    workers: list[Worker] = [
        OutcomeWriter(bus, store, TIER, config, "this"),
        FeedbackSettler(bus, store, TIER, config, "this"),
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
