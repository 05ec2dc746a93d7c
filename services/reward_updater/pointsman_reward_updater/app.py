"""Wiring and lifecycle of the reward-updater."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import TierStatus
from pointsman.runtime.bus import Bus, await_streams
from pointsman.runtime.bus.status import StatusReporter
from pointsman.runtime.lifecycle import run_with_probe, wait_until_stopped
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.retention import RetentionWatch
from pointsman_reward_updater.settler import TierSettler
from pointsman_reward_updater.writer import TierWriter

STREAMS = (subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.DEAD)
"""What must be there before an updater can work."""


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Run the service until told to stop."""
    updater = RewardUpdater(config)
    await run_with_probe(config.probe, updater.readiness, updater.run(stop), stop)


class RewardUpdater:
    """A writer and a settler for each tier. Of several updaters, the one that holds a lease works; others stand by."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bus: Bus | None = None
        self._writers: list[TierWriter] = []
        self._settlers: list[TierSettler] = []

    def readiness(self) -> dict[str, str]:
        """Return what the updater needs, and what each tier's writer does; standing by is being ready."""
        checks = {"nats": "ok" if self._bus and self._bus.connected else "not connected"}
        checks["streams"] = "ok" if self._writers else "waiting for the gateway to make them"
        for writer in self._writers:
            ready = writer.status in ("writing", "standby")
            checks[f"tier {writer.tier}"] = "ok" if ready else writer.status
        for settler in self._settlers:
            ready = settler.status in ("settling", "standby")
            checks[f"feedback {settler.tier}"] = "ok" if ready else settler.status
        return checks

    async def run(self, stop: asyncio.Event) -> None:
        """Write all tiers until told to stop."""
        config = self._config
        self._bus = bus = await Bus.connect(config.nats, "pointsman-reward-updater")
        await await_streams(bus, STREAMS)
        store = Store(config.redis)
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._writers = [TierWriter(bus, store, tier.name, config, holder) for tier in config.tier]
        tasks = [asyncio.create_task(writer.run(), name=f"writer {writer.tier}") for writer in self._writers]
        self._settlers = [TierSettler(bus, store, tier.name, config, holder) for tier in config.tier]
        tasks += [asyncio.create_task(settler.run(), name=f"settler {settler.tier}") for settler in self._settlers]
        watch = RetentionWatch(bus, config.nats.alarm_at, self._oldest_waiting)
        tasks.append(asyncio.create_task(watch.run(), name="retention"))
        tasks.append(asyncio.create_task(bus.until_closed(), name="connection"))
        reporter = StatusReporter("reward-updater", self._statuses)
        tasks.append(asyncio.create_task(reporter.run(), name="status"))
        await reporter.serve(bus, "Learns from outcomes")
        try:
            await wait_until_stopped(stop, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bus.close()
            await store.close()

    def _statuses(self) -> list[TierStatus]:
        return [_status(writer) for writer in self._writers]

    def _oldest_waiting(self) -> int | None:
        """Return the sequence of the oldest message that waits for feedback, as far as this updater settles."""
        return min((settler.oldest for settler in self._settlers if settler.oldest is not None), default=None)


def _status(writer: TierWriter) -> TierStatus:
    lag = metrics.log_lag.values().get((writer.tier,)) if writer.status == "writing" else None
    return TierStatus(
        tier=writer.tier,
        log_lag=None if lag is None else int(lag),
        halted=writer.status.startswith("halted"),
        doing=writer.status,
    )
