"""Wiring of the reward-updater."""

import asyncio
from collections.abc import Iterator

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import StatusProblem, TierStatus
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.status import StatusReporter
from pointsman.runtime.bus.status_problems import write_problems
from pointsman.runtime.bus.write_watch import WriteWatch
from pointsman.runtime.service import BackgroundTasks, run_with_probe
from pointsman.runtime.store.lease import unique_holder
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import WorkerState, run_periodically
from pointsman_reward_updater.disk_watch import DiskWatch
from pointsman_reward_updater.feedback_settler import FeedbackSettler
from pointsman_reward_updater.log_capacity import CHECK_INTERVAL_S, LogCapacityWatch
from pointsman_reward_updater.log_damage import DUE_INTERVAL_S, LogDamageWatch
from pointsman_reward_updater.outcome_writer import OutcomeWriter
from pointsman_reward_updater.publishing import SERVICE
from pointsman_reward_updater.replica_watch import REPLICA_CHECK_INTERVAL_S, ReplicaWatch

log = logger("reward_updater")

MAX_LAG = 1000
"""Number of outcomes that wait to be applied from which on learning is behind."""

STREAMS = (subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.DEAD)
"""Streams without which a reward-updater cannot work."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run the service until ``stop`` is set."""
    updater = RewardUpdater(config)
    await run_with_probe(config.probe, updater.readiness, updater.run(stop), stop, updater.problems)


class RewardUpdater:
    """An outcome writer and a feedback settler for each tier; of several processes, the one with the lease works."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bus: Bus | None = None
        self._writers: list[OutcomeWriter] = []
        self._settlers: list[FeedbackSettler] = []
        self._capacity: LogCapacityWatch | None = None
        self._damage: LogDamageWatch | None = None
        self._replicas: ReplicaWatch | None = None
        self._disks = DiskWatch(config.reward_updater.disk_paths, config.reward_updater.disk_alarm_free_bytes)

    def readiness(self) -> dict[str, str]:
        """Return the state of each dependency and of each worker; a worker on standby is ready."""
        return {
            "nats": "ok" if self._bus and self._bus.connected else "not connected",
            "writes": self._bus.requests.writes.state() if self._bus else "not connected",
            "streams": "ok" if self._writers else "waiting for the gateway to make them",
            **{f"tier {writer.tier}": writer.readiness for writer in self._writers},
            **{f"feedback {settler.tier}": settler.readiness for settler in self._settlers},
        }

    def problems(self) -> Iterator[StatusProblem]:
        """Yield what does not work at present."""
        yield from write_problems(self._bus)
        yield from (problem for worker in (*self._writers, *self._settlers) if (problem := worker.problem()))
        for writer in self._writers:
            if (lag := _lag(writer) or 0) >= MAX_LAG:
                text = f"{lag:,} outcomes wait to be applied"
                yield StatusProblem(kind="behind", subject=f"tier {writer.tier}", text=text)
        for watch in (self._capacity, self._damage, self._replicas):
            yield from watch.problems() if watch is not None else ()
        yield from self._disks.problems()

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until ``stop`` is set."""
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-reward-updater")
        await await_streams(bus, STREAMS)
        store, holder = Store(config.redis), unique_holder()
        self._writers = [OutcomeWriter(bus, store, tier.name, config, holder) for tier in config.tier]
        self._settlers = [FeedbackSettler(bus, store, tier.name, config, holder) for tier in config.tier]
        self._capacity = capacity = LogCapacityWatch(bus, config.nats.alarm_at, self._oldest_waiting)
        self._damage = damage = LogDamageWatch(bus, config.reward_updater.log_check_per_s)
        self._replicas = replicas = ReplicaWatch(bus, config.nats.replicas)
        reporter = StatusReporter(SERVICE, self._statuses, problems=self.problems)
        try:
            async with BackgroundTasks() as tasks:
                for worker in (*self._writers, *self._settlers):
                    tasks.start(f"{worker.role} {worker.tier}", worker.run())
                check = run_periodically(capacity.check, CHECK_INTERVAL_S, log=log, failure="log capacity not checked")
                tasks.start("log capacity", check)
                check = run_periodically(damage.check, CHECK_INTERVAL_S, log=log, failure="logs not checked for damage")
                tasks.start("log damage", check)
                if config.reward_updater.log_check_per_s:
                    check = run_periodically(
                        damage.read_when_due,
                        DUE_INTERVAL_S,
                        log=log,
                        failure="outcome log not read for damage",
                        condition=lambda: bool(self._writers) and self._writers[0].running,
                    )
                    tasks.start("log damage, reading", check)
                check = run_periodically(
                    replicas.check, REPLICA_CHECK_INTERVAL_S, log=log, failure="replicas not checked"
                )
                tasks.start("replicas", check)
                tasks.start("disks", self._disks.run(bus))
                tasks.start("connection", bus.until_closed())
                tasks.start("writes", WriteWatch(bus, SERVICE).run())
                tasks.start("status", reporter.run())
                await reporter.serve(bus, "Learns from outcomes")
                await tasks.wait_until(stop)
        finally:
            await bus.close()
            await store.close()

    def _statuses(self) -> list[TierStatus]:
        return [_status(writer) for writer in self._writers]

    def _oldest_waiting(self) -> int | None:
        """Return the sequence of the oldest message that waits for feedback, of the tiers that this process settles."""
        return min((settler.oldest for settler in self._settlers if settler.oldest is not None), default=None)


def _lag(writer: OutcomeWriter) -> int | None:
    lag = metrics.log_lag.values().get((writer.tier,)) if writer.running else None
    return None if lag is None else int(lag)


def _status(writer: OutcomeWriter) -> TierStatus:
    return TierStatus(
        tier=writer.tier,
        log_lag=_lag(writer),
        halted=writer.state is WorkerState.HALTED,
        doing=writer.status,
    )
