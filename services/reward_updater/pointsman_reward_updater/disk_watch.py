"""Alert when a disk is nearly full, before NATS and the store cannot write."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence

from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater.log_capacity import ALERT_REPEAT_INTERVAL_S, ALL_TIERS
from pointsman_reward_updater.publishing import SERVICE

log = logger("reward_updater.disk_watch")

DISK_CHECK_INTERVAL_S = 10.0
_MB = 1024**2


class DiskWatch:
    """Alert on ``alerts.disk-low._all`` when a disk has less than ``alarm_free_bytes`` free.

    ``paths``: a directory on each disk.
    """

    def __init__(self, paths: Sequence[str], alarm_free_bytes: int) -> None:
        self._paths = paths
        self._alarm_free_bytes = alarm_free_bytes
        self._low: dict[str, str] = {}
        self._alerted_at: dict[str, float] = {}

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the disks that were low, or could not be checked, at the last check."""
        for path, text in self._low.items():
            yield StatusProblem(kind="disk-low", subject=f"disk of {path}", text=text)

    async def run(self, bus: Bus) -> None:
        """Check all disks at intervals until cancelled."""
        while True:
            for path in self._paths:
                self.check(path)
                await self._alert(bus, path)
            await asyncio.sleep(DISK_CHECK_INTERVAL_S)

    def check(self, path: str) -> None:
        """Check one disk, and export its free space and size."""
        try:
            disk = os.statvfs(path)
        except OSError as error:
            self._low[path] = f"cannot be checked: {error}"
            return
        free = disk.f_bavail * disk.f_frsize
        metrics.disk_free_bytes.labels(path).set(free)
        metrics.disk_size_bytes.labels(path).set(disk.f_blocks * disk.f_frsize)
        if free >= self._alarm_free_bytes:
            self._low.pop(path, None)
            self._alerted_at.pop(path, None)
            return
        self._low[path] = (
            f"{free // _MB:,} MB free; when it is full, decisions are degraded and outcomes are refused until there is "
            "room again"
        )

    async def _alert(self, bus: Bus, path: str) -> None:
        text, now_s = self._low.get(path), time.monotonic()
        if text is None or now_s - self._alerted_at.get(path, float("-inf")) < ALERT_REPEAT_INTERVAL_S:
            return
        log.warning("disk of %s: %s", path, text)
        self._alerted_at[path] = now_s
        try:
            await publish_alert(bus, "disk-low", ALL_TIERS, f"disk of {path}: {text}", SERVICE)
        except BusError as error:  # subscribers of core NATS have it; a full stream of alerts does not
            log.debug("the alert is not stored: %s", error)
