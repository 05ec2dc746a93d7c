"""Wiring and lifecycle of a decision replica."""

from __future__ import annotations

import asyncio
import contextlib

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import TierStatus
from pointsman.core.bandit import PolicyError
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.policies import watch_policies
from pointsman.runtime.bus.status import Endpoint, StatusReporter
from pointsman.runtime.service import run_with_probe, wait_until_stopped
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman_decision.handlers import DecisionHandler
from pointsman_decision.scoring import ScoreHandler
from pointsman_decision.sync import StateSync
from pointsman_decision.tier import Tier

log = logger("decision")

STREAMS = (subjects.DECISIONS, subjects.POLICIES_STREAM)
"""What must be there before a replica can work."""

POLICIES_WAIT_S = 2.0
"""How long a replica waits to be told the live policies; it begins with the configured ones otherwise."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run a replica until told to stop."""
    replica = DecisionReplica(config)
    await run_with_probe(config.probe, replica.readiness, replica.run(stop), stop)


class DecisionReplica:
    """One replica: its memory of every tier, what keeps that up to date, and what answers from it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tiers = {
            tier.name: Tier(tier.name, config.context.dim, config.active(tier), config.prices()) for tier in config.tier
        }
        self._told = asyncio.Event()
        self._bus: Bus | None = None
        self._sync: StateSync | None = None
        self._serving = False

    def readiness(self) -> dict[str, str]:
        """Return what the replica needs, and whether it has it."""
        return {
            "nats": "ok" if self._bus and self._bus.connected else "not connected",
            "store": self._sync.store_state if self._sync else "not read yet",
            "serving": "ok" if self._serving else "waiting for the state of every tier",
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop.

        The replica joins the queue group only when it has read every tier once: one that knows nothing would choose
        as on its first day.
        """
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-decision")
        await await_streams(bus, STREAMS)
        store = Store(config.redis)
        self._sync = sync = StateSync(bus, store, self._tiers, config.decision.reconcile_ms / 1000.0)
        decisions = DecisionHandler(bus, self._tiers, config)
        tasks = [asyncio.create_task(sync.run()), asyncio.create_task(watch_policies(bus, self._on_policies))]
        tasks.append(asyncio.create_task(bus.until_closed(), name="connection"))
        try:
            await sync.loaded()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLICIES_WAIT_S):
                    await self._told.wait()
            reporter = StatusReporter(
                "decision", self._statuses, lambda: (decisions.decided + decisions.failed, decisions.failed)
            )
            tasks.append(asyncio.create_task(reporter.run(), name="status"))
            service = await reporter.serve(
                bus,
                "Chooses which model serves a request",
                [
                    Endpoint("score", subjects.ANY_SCORE, ScoreHandler(bus, self._tiers, config).handle),
                    Endpoint("decide", subjects.ANY_DECIDE, decisions.handle),
                ],
                subjects.DECISION_QUEUE,
                lambda name: decisions.statistics() if name == "decide" else None,
            )
            self._serving = True
            log.info("serving %s", ", ".join(self._tiers))
            await wait_until_stopped(stop, tasks)
            self._serving = False
            await service.stop()
            await decisions.finish()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bus.close()
            await store.close()

    def _statuses(self) -> list[TierStatus]:
        return [
            TierStatus(tier=tier.name, state_age_ms=tier.age_ms(), watermark=tier.watermark)
            for tier in self._tiers.values()
        ]

    def _on_policies(self, name: str, version: int, policies: TierPolicies) -> None:
        tier = self._tiers.get(name)
        if tier is not None:
            try:
                tier.set_policy(version, policies.active)
                log.info("tier %s is served by %s, version %d", name, policies.active.name, version)
            except PolicyError as error:
                log.error("tier %s: version %d cannot be used: %s; %s stays", name, version, error, tier.live.spec.name)
        if all(tier.live.version for tier in self._tiers.values()):
            self._told.set()
