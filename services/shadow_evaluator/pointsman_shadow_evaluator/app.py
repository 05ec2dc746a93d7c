"""Wiring of the shadow-evaluator."""

import asyncio
import os
import secrets
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import StatusProblem, TierStatus
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.policies import watch_policies
from pointsman.runtime.bus.status import StatusReporter
from pointsman.runtime.bus.status_problems import write_problems
from pointsman.runtime.bus.write_watch import WriteWatch
from pointsman.runtime.service import run_with_probe, wait_until_stopped
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import run_periodically
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.tasks.promotion_guard import PromotionGuard
from pointsman_shadow_evaluator.tasks.regret_watch import RegretWatch
from pointsman_shadow_evaluator.tasks.report_schedule import ReportSchedule
from pointsman_shadow_evaluator.tasks.tier_task import TierTask
from pointsman_shadow_evaluator.tier_evaluator import TierEvaluator

log = logger("shadow_evaluator")

TASKS: tuple[type[TierTask], ...] = (PromotionGuard, ReportSchedule, RegretWatch)
"""The periodic tasks of each tier."""

MAX_LAG = 10_000
"""Number of decisions or rewards from which on the evaluation of a tier is behind."""

STREAMS = (
    subjects.DECISIONS,
    subjects.OUTCOMES,
    subjects.REWARDS,
    subjects.SHADOW,
    subjects.ALERTS,
    subjects.DEAD,
    subjects.POLICIES_STREAM,
)
"""Streams that must exist before the evaluator starts."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run the service until ``stop`` is set."""
    evaluator = ShadowEvaluator(config)
    await run_with_probe(config.probe, evaluator.readiness, evaluator.run(stop), stop, evaluator.problems)


class ShadowEvaluator:
    """A `TierEvaluator` and the periodic tasks for each tier."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bus: Bus | None = None
        self._workers: list[TierEvaluator] = []
        for stream in (subjects.DECISIONS, subjects.REWARDS):
            metrics.dead_letters.labels(stream)  # exported as 0, so that the first dead letter is an increase

    def readiness(self) -> dict[str, str]:
        """Return ``ok`` or the problem, for each dependency and each tier."""
        checks = {"nats": "ok" if self._bus and self._bus.connected else "not connected"}
        checks["writes"] = self._bus.requests.writes.state() if self._bus else "not connected"
        checks["streams"] = "ok" if self._workers else "waiting for the gateway to create them"
        return checks | {f"tier {worker.tier}": worker.readiness for worker in self._workers}

    def problems(self) -> Iterator[StatusProblem]:
        """Yield what does not work at present."""
        yield from write_problems(self._bus)
        yield from (problem for worker in self._workers if (problem := worker.problem()))
        for tier in self._statuses():
            for lag, what in ((tier.shadow_lag, "decisions"), (tier.reward_lag, "rewards")):
                if (lag or 0) >= MAX_LAG:
                    text = f"{lag:,} {what} wait for shadow evaluation"
                    yield StatusProblem(kind="behind", subject=f"tier {tier.tier}", text=text)

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate all tiers until ``stop`` is set."""
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-shadow-evaluator")
        await await_streams(bus, STREAMS)
        store = Store(config.redis)
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        publisher = EventPublisher(bus)
        self._workers = [TierEvaluator(bus, store, tier, config, holder, publisher) for tier in config.tier]
        reporter = StatusReporter("shadow-evaluator", self._statuses, problems=self.problems)
        jobs: list[tuple[str, Coroutine[Any, Any, None]]] = [
            *((f"evaluator {worker.tier}", worker.run()) for worker in self._workers),
            *(task for worker in self._workers for task in self._periodic_tasks(bus, store, worker)),
            ("policies", watch_policies(bus, self._on_policies)),
            ("connection", bus.until_closed()),
            ("writes", WriteWatch(bus, "shadow-evaluator").run()),
            ("status", reporter.run()),
        ]
        tasks = [asyncio.create_task(job, name=name) for name, job in jobs]
        await reporter.serve(bus, "Runs shadow policies and keeps the sums of their report")
        try:
            await wait_until_stopped(stop, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bus.close()
            await store.close()

    def _periodic_tasks(
        self, bus: Bus, store: Store, worker: TierEvaluator
    ) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Yield the enabled periodic tasks of a tier; they run while this process evaluates the tier."""
        for task_type in TASKS:
            task = task_type(bus, store, worker.tier, self._config)
            if task.interval_s is not None:
                job = run_periodically(
                    task.check,
                    task.interval_s,
                    log=log,
                    failure=task.failure,
                    tier=worker.tier,
                    condition=lambda: worker.running,
                )
                yield f"{task_type.__name__} {worker.tier}", job

    def _statuses(self) -> list[TierStatus]:
        return [worker.tier_status() for worker in self._workers]

    def _on_policies(self, tier: str, version: int, policies: TierPolicies) -> None:
        for worker in self._workers:
            if worker.tier == tier:
                worker.set_policies(version, policies)
