"""Watch for messages that NATS has lost from the middle of a log: damaged or missing files of its store.

Nothing deletes single messages, so the sequences of a log have no gaps. NATS has a checksum for each message, and does
not deliver one that does not match it: every kind of damage appears as a gap to a reader (ADR 0027). What NATS noticed
at its start is in the state of the stream. Damage that it has not noticed yet is found by reading the outcome log.
"""

import asyncio
import time
from collections.abc import Iterator

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus import Bus, BusError, BusUnavailable, LogReader
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater.publishing import SERVICE

log = logger("reward_updater.log_damage")

CHECK_INTERVAL_S = 30.0
READ_INTERVAL_S = 3600.0
DUE_INTERVAL_S = 5.0
ALERT_REPEAT_INTERVAL_S = 3600.0
READ_TIMEOUT_S = 10.0
READ_BATCH = 100
MAX_SHOWN = 3
"""Number of gaps that a text names."""

Gap = tuple[int, int]
"""First and last sequence that are missing."""


class LogDamageWatch:
    """Alert on ``alerts.log-damaged._all`` when a log has lost messages.

    ``read_per_s``: number of messages of the outcome log that are read in a second.
    """

    def __init__(self, bus: Bus, read_per_s: int) -> None:
        self._bus = bus
        self._read_per_s = read_per_s
        self.gaps: list[Gap] = []
        """Gaps of the outcome log when it was read last."""
        self._damaged: dict[str, str] = {}
        self._alerted: dict[str, tuple[int, float]] = {}
        self._read_at = float("-inf")

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the logs that have lost messages."""
        for stream, text in self._damaged.items():
            yield StatusProblem(kind="log-damaged", subject=f"stream {stream}", text=text, serious=True)

    async def check(self) -> None:
        """Compare the number of messages of each log with its sequences."""
        for stream in subjects.STREAM_SUBJECTS:
            try:
                state = (await self._bus.info(stream)).state
            except BusError as error:
                log.debug("cannot check %s: %s", stream, error)
                continue
            gaps = [gap for gap in self.gaps if gap[1] >= state.first_seq] if stream == subjects.OUTCOMES else []
            missing = max(state.missing, sum(last - first + 1 for first, last in gaps))
            await self._report(stream, missing, gaps)

    async def read_when_due(self) -> None:
        """Read the outcome log if the last time is `READ_INTERVAL_S` ago."""
        if time.monotonic() - self._read_at >= READ_INTERVAL_S:
            await self.read()
            self._read_at = time.monotonic()

    async def read(self) -> None:
        """Read the outcome log once from its beginning, slowly, and note its gaps."""
        state = (await self._bus.info(subjects.OUTCOMES)).state
        gaps: list[Gap] = []
        expected = state.first_seq
        reader = LogReader(
            self._bus, subjects.OUTCOMES, subjects.outcomes("*"), expected, max_batch=min(READ_BATCH, self._read_per_s)
        )
        try:
            while state.messages and expected <= state.last_seq:
                began = time.monotonic()
                batch = await reader.next_batch(wait_s=READ_TIMEOUT_S)
                if not batch:
                    if not reader.idle:
                        raise BusUnavailable(f"the outcome log cannot be read from {expected} on")
                    gaps.append((expected, state.last_seq))
                    break
                for message in batch:
                    if message.sequence > expected:
                        gaps.append((expected, message.sequence - 1))
                    expected = message.sequence + 1
                await asyncio.sleep(max(0.0, len(batch) / self._read_per_s - (time.monotonic() - began)))
        finally:
            await reader.close()
        self.gaps = gaps
        await self.check()

    async def _report(self, stream: str, missing: int, gaps: list[Gap]) -> None:
        metrics.log_missing.labels(stream).set(missing)
        if not missing:
            self._damaged.pop(stream, None)
            self._alerted.pop(stream, None)
            return
        where = ", ".join(f"{first} to {last}" for first, last in gaps[:MAX_SHOWN])
        more = f" and {len(gaps) - MAX_SHOWN} other gaps" if len(gaps) > MAX_SHOWN else ""
        text = f"{stream} has lost {missing:,} of its messages{': ' if where else ''}{where}{more}"
        if stream == subjects.OUTCOMES:
            text += ". What was learned from them is in the store: do not rebuild; restore a backup of the log"
        self._damaged[stream] = text
        now = time.monotonic()
        alerted_missing, alerted_at = self._alerted.get(stream, (0, 0.0))
        if missing == alerted_missing and now - alerted_at < ALERT_REPEAT_INTERVAL_S:
            return
        log.error("%s", text)
        detail = {"stream": stream, "missing": missing, "gaps": gaps[:MAX_SHOWN]}
        await publish_alert(self._bus, "log-damaged", "_all", text, SERVICE, detail=detail)
        self._alerted[stream] = missing, now
