"""Wiring and lifecycle of the shadow-evaluator."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from functools import partial

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import TierStatus
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.policies import watch_policies
from pointsman.runtime.bus.status import StatusReporter
from pointsman.runtime.service import run_with_probe, wait_until_stopped
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.tasks.promotion_guard import PromotionGuard
from pointsman_shadow_evaluator.tasks.regret_watch import RegretWatch
from pointsman_shadow_evaluator.tasks.report_schedule import ReportSchedule
from pointsman_shadow_evaluator.tier_evaluator import TierEvaluator

STREAMS = (
    subjects.DECISIONS,
    subjects.OUTCOMES,
    subjects.REWARDS,
    subjects.SHADOW,
    subjects.ALERTS,
    subjects.DEAD,
    subjects.POLICIES_STREAM,
)
"""What must be there before an evaluator can work."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run the service until told to stop."""
    evaluator = ShadowEvaluator(config)
    await run_with_probe(config.probe, evaluator.readiness, evaluator.run(stop), stop)


class ShadowEvaluator:
    """A follower for each tier. Of several evaluators, the one that holds a tier's lease follows it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bus: Bus | None = None
        self._followers: list[TierEvaluator] = []
        for stream in (
            subjects.DECISIONS,
            subjects.REWARDS,
        ):  # at 0 from the start, so that the first is seen as a rise
            metrics.dead_letters.labels(stream)

    def readiness(self) -> dict[str, str]:
        """Return what the evaluator needs, and what each tier's follower does; standing by is being ready."""
        checks = {"nats": "ok" if self._bus and self._bus.connected else "not connected"}
        checks["streams"] = "ok" if self._followers else "waiting for the gateway to make them"
        for follower in self._followers:
            ready = follower.status in ("following", "standby")
            checks[f"tier {follower.tier}"] = "ok" if ready else follower.status
        return checks

    async def run(self, stop: asyncio.Event) -> None:
        """Follow all tiers until told to stop."""
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-shadow-evaluator")
        await await_streams(bus, STREAMS)
        store = Store(config.redis)
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        writer = EventPublisher(bus)
        self._followers = [TierEvaluator(bus, store, tier, config, holder, writer) for tier in config.tier]
        tasks = [asyncio.create_task(follower.run(), name=f"follower {follower.tier}") for follower in self._followers]
        guards = [PromotionGuard(bus, store, f.tier, config, partial(_follows, f)) for f in self._followers]
        tasks += [asyncio.create_task(guard.run(), name=f"guard {guard.tier}") for guard in guards]
        for kind in (ReportSchedule, RegretWatch):
            watches = [kind(bus, store, f.tier, config, partial(_follows, f)) for f in self._followers]
            tasks += [asyncio.create_task(watch.run(), name=f"{kind.__name__} {watch.tier}") for watch in watches]
        tasks.append(asyncio.create_task(watch_policies(bus, self._on_policies), name="policies"))
        tasks.append(asyncio.create_task(bus.until_closed(), name="connection"))
        reporter = StatusReporter("shadow-evaluator", self._statuses)
        tasks.append(asyncio.create_task(reporter.run(), name="status"))
        await reporter.serve(bus, "Runs shadow policies, and keeps the report's sums")
        try:
            await wait_until_stopped(stop, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bus.close()
            await store.close()

    def _statuses(self) -> list[TierStatus]:
        return [_status(follower) for follower in self._followers]

    def _on_policies(self, tier: str, version: int, policies: TierPolicies) -> None:
        for follower in self._followers:
            if follower.tier == tier:
                follower.set_policies(version, policies)


def _follows(follower: TierEvaluator) -> bool:
    return follower.status == "following"


def _status(follower: TierEvaluator) -> TierStatus:
    lags = [
        gauge.values().get((follower.tier,)) if _follows(follower) else None
        for gauge in (metrics.shadow_lag, metrics.shadow_reward_lag)
    ]
    shadow_lag, reward_lag = (None if lag is None else int(lag) for lag in lags)
    return TierStatus(tier=follower.tier, shadow_lag=shadow_lag, reward_lag=reward_lag, doing=follower.status)
