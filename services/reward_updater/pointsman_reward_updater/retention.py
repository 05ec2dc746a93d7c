"""Watching how full the logs are: an alarm before something is dropped early, or outcomes refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus, BusError, StreamInfo
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater import events

log = logger("reward_updater.retention")

CHECK_S = 30.0
AGAIN_S = 3600.0
ALL_TIERS = "_all"
"""Stands for the tier in alerts that are about all of them."""

CONSEQUENCE = {
    subjects.DECISIONS: "its oldest decisions are dropped before their time, and their outcomes can no longer count",
    subjects.OUTCOMES: "no outcome is accepted any more",
    subjects.FEEDBACK: "what waits for feedback is dropped before it has counted",
}
"""What happens when a log is full."""


class RetentionWatch:
    """Alerts on ``alerts.log-filling._all`` when a log has filled up beyond a share of its room.

    Parameters
    ----------
    bus : Bus
    alarm_at : float
        That share, 0 to 1.
    oldest_waiting : callable
        Returns the sequence of the oldest message of FEEDBACK that still waits, or None. Most of that stream has
        counted long ago and may go: only what came since the oldest that waits is taken for filled room.
    check_s : float
        How often to look.
    """

    def __init__(
        self, bus: Bus, alarm_at: float, oldest_waiting: Callable[[], int | None], check_s: float = CHECK_S
    ) -> None:
        self._bus = bus
        self._alarm_at = alarm_at
        self._oldest_waiting = oldest_waiting
        self._check_s = check_s
        self._alarmed_at: dict[str, float] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            for stream in CONSEQUENCE:
                try:
                    await self._check(stream)
                except BusError as error:
                    log.debug("cannot look at %s: %s", stream, error)
            await asyncio.sleep(self._check_s)

    async def _check(self, stream: str) -> None:
        info = await self._bus.info(stream)
        metrics.log_bytes.labels(stream).set(info.state.bytes)
        if info.config.max_bytes <= 0:
            return
        filled = info.state.bytes / info.config.max_bytes * needed_share(stream, info, self._oldest_waiting())
        metrics.log_filled.labels(stream).set(filled)
        if filled < self._alarm_at:
            self._alarmed_at.pop(stream, None)
            return
        now = time.monotonic()
        if now - self._alarmed_at.get(stream, -AGAIN_S) < AGAIN_S:
            return
        text = f"{stream} takes {filled:.0%} of its room; when it is full, {CONSEQUENCE[stream]}"
        log.warning(text)
        await events.alert(self._bus, "log-filling", ALL_TIERS, text)
        self._alarmed_at[stream] = now


def needed_share(stream: str, info: StreamInfo, oldest_waiting: int | None) -> float:
    """Return the share of a stream's messages that must not go yet, 0 to 1."""
    if stream != subjects.FEEDBACK:
        return 1.0
    state = info.state
    if oldest_waiting is None or not state.messages:
        return 0.0
    return min(1.0, (state.last_seq - oldest_waiting + 1) / (state.last_seq - state.first_seq + 1))
