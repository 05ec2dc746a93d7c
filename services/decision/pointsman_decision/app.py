"""Wiring of the decision service."""

import asyncio
import contextlib
from collections.abc import Iterator

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import StatusProblem, TierStatus
from pointsman.core.bandit import PolicyError
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.policies import watch_policies
from pointsman.runtime.bus.status import Endpoint, StatusReporter
from pointsman.runtime.bus.status_problems import write_problems
from pointsman.runtime.bus.write_watch import WriteWatch
from pointsman.runtime.service import BackgroundTasks, run_with_probe
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman_decision.decision_handler import DecisionHandler
from pointsman_decision.pull_notices import PullNotices
from pointsman_decision.score_handler import ScoreHandler
from pointsman_decision.state_sync import StateSync
from pointsman_decision.tier import Tier

log = logger("decision")

STREAMS = (subjects.DECISIONS, subjects.POLICIES_STREAM)
"""Streams without which a replica cannot work."""

POLICIES_TIMEOUT_S = 2.0
"""Time to wait for the live policies at the start; after it, the replica begins with the configured ones."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run the service until ``stop`` is set."""
    replica = DecisionReplica(config)
    await run_with_probe(config.probe, replica.readiness, replica.run(stop), stop, replica.problems)


class DecisionReplica:
    """One replica: its memory of every tier, the synchronization of that memory, and the handlers that use it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tiers = {
            tier.name: Tier(tier.name, config.context.dim, config.active(tier), config.prices(), tier.reward_wait_s)
            for tier in config.tier
        }
        self._policies_loaded = asyncio.Event()
        self._bus: Bus | None = None
        self._sync: StateSync | None = None
        self._handler: DecisionHandler | None = None
        self._serving = False

    def readiness(self) -> dict[str, str]:
        """Return the state of each dependency."""
        return {
            "nats": "ok" if self._bus and self._bus.connected else "not connected",
            "writes": self._bus.requests.writes.state() if self._bus else "not connected",
            "store": self._sync.store_state if self._sync else "not read yet",
            "serving": "ok" if self._serving else "waiting for the state of every tier",
        }

    def problems(self) -> Iterator[StatusProblem]:
        """Yield what does not work at present."""
        yield from write_problems(self._bus)
        if self._handler is not None:
            yield from self._handler.problems()
        stale_after_ms = self._config.decision.stale_after_ms
        for tier in self._tiers.values():
            age_ms = tier.age_ms()
            if self._serving and (age_ms is None or age_ms > stale_after_ms):
                age = "of unknown age" if age_ms is None else f"{age_ms / 1000.0:.0f} s old"
                yield StatusProblem(kind="stale", subject=f"tier {tier.name}", text=f"decides from state that is {age}")

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set.

        The replica joins the queue group only after it has read every tier once: with an empty memory it would choose
        as if nothing had ever been learned.
        """
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-decision")
        await await_streams(bus, STREAMS)
        store = Store(config.redis)
        self._sync = sync = StateSync(bus, store, self._tiers, config.decision.reconcile_ms / 1000.0)
        pulls = PullNotices(bus, self._tiers)
        decisions, scores = DecisionHandler(bus, self._tiers, pulls, config), ScoreHandler(bus, self._tiers, config)
        self._handler = decisions
        reporter = StatusReporter("decision", self._statuses, decisions.requests, self.problems)
        try:
            async with BackgroundTasks() as tasks:
                tasks.start("state sync", sync.run())
                tasks.start("policies", watch_policies(bus, self._on_policies))
                tasks.start("connection", bus.until_closed())
                tasks.start("writes", WriteWatch(bus, "decision").run())
                await pulls.subscribe()
                await sync.loaded()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLICIES_TIMEOUT_S):
                        await self._policies_loaded.wait()
                tasks.start("status", reporter.run())
                endpoints = [
                    Endpoint("score", subjects.ANY_SCORE, scores.handle),
                    Endpoint("decide", subjects.ANY_DECIDE, decisions.handle),
                ]
                service = await reporter.serve(
                    bus,
                    "Chooses which model serves a request",
                    endpoints,
                    subjects.DECISION_QUEUE,
                    lambda endpoint: decisions.statistics() if endpoint == "decide" else None,
                )
                self._serving = True
                log.info("serving %s", ", ".join(self._tiers))
                await tasks.wait_until(stop)
                self._serving = False
                await service.stop()
                await decisions.finish()
        finally:
            await bus.close()
            await store.close()

    def _statuses(self) -> list[TierStatus]:
        return [
            TierStatus(
                tier=tier.name,
                state_age_ms=tier.age_ms(),
                watermark=tier.watermark,
                under_way={str(arm): count for arm, count in tier.under_way.counts().items()},
                held_back=[str(arm) for arm in tier.held_back()],
            )
            for tier in self._tiers.values()
        ]

    def _on_policies(self, name: str, version: int, policies: TierPolicies) -> None:
        tier = self._tiers.get(name)
        if tier is not None:
            try:
                tier.set_policy(version, policies.active)
                log.info("tier %s is served by %s, version %d", name, policies.active.name, version)
            except PolicyError as error:
                active = tier.live.spec.name
                log.error("tier %s: version %d cannot be used: %s; %s stays active", name, version, error, active)
        if all(tier.live.version for tier in self._tiers.values()):
            self._policies_loaded.set()
