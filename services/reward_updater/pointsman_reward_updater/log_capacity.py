"""Alert when a log is nearly full, before messages are dropped early or outcomes refused."""

import time
from collections.abc import Callable, Iterator

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus import Bus, BusError, StreamInfo
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater.publishing import SERVICE

log = logger("reward_updater.log_capacity")

CHECK_INTERVAL_S = 30.0
ALERT_REPEAT_INTERVAL_S = 3600.0
ALL_TIERS = "_all"
"""Tier in the subject of alerts that concern all tiers."""

CONSEQUENCES = {
    subjects.DECISIONS: "its oldest decisions are dropped before their time, and their outcomes can no longer count",
    subjects.OUTCOMES: "no outcome is accepted any more",
    subjects.FEEDBACK: "what waits for feedback is dropped before it has counted",
}
"""What happens when a log is full."""


class LogCapacityWatch:
    """Alert on ``alerts.log-filling._all`` when a log exceeds a share of its maximum size.

    ``alarm_at``: that share, 0 to 1.
    ``oldest_waiting``: returns the sequence of the oldest message of FEEDBACK that still waits, or None. Most messages
    of that stream are settled and may be dropped: only those from the oldest waiting one on count as used space.
    """

    def __init__(self, bus: Bus, alarm_at: float, oldest_waiting: Callable[[], int | None]) -> None:
        self._bus = bus
        self._alarm_at = alarm_at
        self._oldest_waiting = oldest_waiting
        self._alerted_at: dict[str, float] = {}
        self._filling: dict[str, str] = {}

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the logs that exceeded the share at the last check."""
        for stream, text in self._filling.items():
            yield StatusProblem(kind="log-filling", subject=f"stream {stream}", text=text)

    async def check(self) -> None:
        """Check all logs once; a log that cannot be checked does not prevent the check of the others."""
        for stream in CONSEQUENCES:
            try:
                await self._check(stream)
            except BusError as error:
                log.debug("cannot check %s: %s", stream, error)

    async def _check(self, stream: str) -> None:
        info = await self._bus.info(stream)
        metrics.log_bytes.labels(stream).set(info.state.bytes)
        if info.config.max_bytes <= 0:
            return
        filled = info.state.bytes / info.config.max_bytes * needed_share(stream, info, self._oldest_waiting())
        metrics.log_filled.labels(stream).set(filled)
        if filled < self._alarm_at:
            self._alerted_at.pop(stream, None)
            self._filling.pop(stream, None)
            return
        text = f"{stream} takes {filled:.0%} of its room; when it is full, {CONSEQUENCES[stream]}"
        self._filling[stream] = text
        now = time.monotonic()
        if now - self._alerted_at.get(stream, -ALERT_REPEAT_INTERVAL_S) < ALERT_REPEAT_INTERVAL_S:
            return
        log.warning(text)
        await publish_alert(self._bus, "log-filling", ALL_TIERS, text, SERVICE)
        self._alerted_at[stream] = now


def needed_share(stream: str, info: StreamInfo, oldest_waiting: int | None) -> float:
    """Return the share of a stream's messages that must not be dropped yet, 0 to 1."""
    if stream != subjects.FEEDBACK:
        return 1.0
    state = info.state
    if oldest_waiting is None or not state.messages:
        return 0.0
    return min(1.0, (state.last_seq - oldest_waiting + 1) / (state.last_seq - state.first_seq + 1))
