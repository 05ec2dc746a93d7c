"""Feedback settler of one tier: append the outcome of each answer that has waited for feedback long enough.

It is independent of the tier's outcome writer: it appends to the outcome log what the gateway would have appended.
`PendingFeedback` computes the outcome. After a crash the settler continues from its watermark, which moves when
everything up to it is appended; an outcome that is appended twice counts once (ADR 0015).
"""

import time
from collections import deque
from collections.abc import Sequence

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import MessageError, UnknownVersion
from pointsman.contracts.messages.feedback import decode_pending
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.tier_store import SettledWatermark, TierStore
from pointsman.runtime.bus import Bus, LogReader, StoredMessage, StreamMissing, read_ack
from pointsman.runtime.bus.notices import publish_alert, publish_dead_letter
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import NotReady, TierWorker
from pointsman_reward_updater.pending_feedback import Entry, PendingFeedback
from pointsman_reward_updater.publishing import APPEND_TIMEOUT_S, SERVICE

log = logger("reward_updater.settler")

POLL_INTERVAL_S = 0.25
CLOCK_TOLERANCE_MS = 1000
"""Delay of the settlement after the due time: the clocks of the log and of this machine may differ by so much."""
MAX_BATCH = 500
EARLY_BATCH = 50
"""Messages settled at once when too many are held in memory: no more answers than necessary are settled early."""
LOG_REPEAT_INTERVAL_S = 60.0


class FeedbackSettler(TierWorker):
    """Append the outcomes of a tier's answers when their wait for feedback is over.

    The stream is read with two cursors, as `PendingFeedback` describes.
    """

    role = "settler"
    running_status = "settling"

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config, holder: str) -> None:
        super().__init__(store, tier, holder, config.reward_updater.lease_ms, log, f"tier {tier}, feedback")
        self._bus = bus
        self._store = TierStore(store, tier)
        configured = config.tier_named(tier)
        self._wait_ms = round(configured.reward_wait_s * 1000.0) if configured else 0
        self.oldest: int | None = None
        """Sequence of the oldest message that waits; None when none waits, or another process settles the tier."""
        self._reader = self._read_from(0)
        self._epoch = ""
        self._pending = PendingFeedback()
        self._due: deque[Entry] = deque()
        self._ahead = 0
        self._behind = 0
        self._through_ms = 0
        self._logged_at = float("-inf")
        metrics.dead_letters.labels(subjects.FEEDBACK)  # 0 from the start, so that the first one is an increase

    async def load(self) -> None:
        """Read the watermark, if it belongs to this stream; begin at 0 otherwise."""
        try:
            created = (await self._bus.info(subjects.FEEDBACK)).created
        except StreamMissing as error:
            raise NotReady("the gateway makes the stream FEEDBACK") from error
        found = await self._store.settled()
        if found.epoch != created:
            # The whole stream is read again. The applied bits show which answers have an outcome, once the outcome
            # writer has applied the whole log.
            if not await self._all_applied():
                raise NotReady("the tier's outcomes are applied first")
            found = SettledWatermark(created, 0)
        self._epoch, self._ahead, self._behind = created, found.sequence, found.sequence
        self._pending, self._through_ms = PendingFeedback(), 0
        self._due.clear()
        self._reader = self._read_from(self._behind)

    async def step(self) -> bool:
        """Read the new messages, then settle those that are due."""
        await self._look_ahead()
        if self._reader.restarts > 0:
            return False  # whatever made the reader restart may have changed the stream
        while batch := await self._next_due():
            await self._settle(batch)
        self.oldest = self._due[0].sequence if self._due else None
        metrics.feedback_held.labels(self.tier).set(self._pending.held)
        return True

    async def unload(self) -> None:
        """Close the reader."""
        self.oldest = None
        await self._reader.close()

    def on_standby(self) -> None:
        """Remove the tier's gauge: its value is older than that of the process that settles."""
        metrics.feedback_held.remove(self.tier)

    async def on_newer(self, problem: str) -> None:
        """Raise an alert."""
        await publish_alert(self._bus, "newer-version", self.tier, problem, SERVICE)

    def _read_from(self, watermark: int) -> LogReader:
        subject = subjects.feedback(self.tier)
        return LogReader(self._bus, subjects.FEEDBACK, subject, watermark + 1, max_batch=MAX_BATCH)

    async def _all_applied(self) -> bool:
        last = await self._bus.last(subjects.OUTCOMES, subjects.outcomes(self.tier))
        return last is None or (await self._store.changes()).watermark >= last.sequence

    async def _look_ahead(self) -> None:
        """Note the new messages, and up to which time everything is noted."""
        if self._pending.full:
            return
        batch = await self._reader.next_batch(wait_s=min(self.renew_interval_s, POLL_INTERVAL_S))
        for stored in batch:
            entry = self._read(stored)
            self._pending.note(entry)
            self._ahead, self._through_ms = entry.sequence, max(self._through_ms, entry.at_ms - 1)
        if self._reader.restarts == 0 and (complete_at := await self._reader.complete_at()) is not None:
            self._through_ms = max(self._through_ms, int(complete_at * 1000) - CLOCK_TOLERANCE_MS)

    async def _next_due(self) -> list[Entry]:
        """Return the messages that are due, in order; none while the next one is not due."""
        if not self._due and self._behind < self._ahead:
            await self._fill()
        batch: list[Entry] = []
        early = self._pending.full
        if early and time.monotonic() - self._logged_at > LOG_REPEAT_INTERVAL_S:
            self._logged_at = time.monotonic()
            log.warning("tier %s: too much feedback waits; the oldest answers are settled early", self.tier)
        while self._due and (self._is_due(self._due[0]) or (early and len(batch) < EARLY_BATCH)):
            batch.append(self._due.popleft())
        return batch

    def _is_due(self, entry: Entry) -> bool:
        """Return whether a message has waited for its own time, or for the configured time if that is shorter now."""
        return min(entry.due_ms, entry.at_ms + self._wait_ms) <= self._through_ms

    async def _fill(self) -> None:
        """Read the next messages that wait, with a new reader: they are few and wait long, longer than a consumer."""
        reader = self._read_from(self._behind)
        try:
            while not self._due and await self.holds_lease():
                for stored in await reader.next_batch(wait_s=self.renew_interval_s):
                    if stored.sequence <= self._ahead:
                        self._due.append(self._read(stored))
                        self._behind = stored.sequence
        finally:
            await reader.close()

    async def _settle(self, batch: list[Entry]) -> None:
        """Append the outcomes of a batch, then move the watermark."""
        settled = [
            (outcome, entry.traceparent)
            for entry in batch
            if (outcome := self._pending.settle(entry, self._through_ms))
        ]
        applied = await self._applied([outcome.decision_sequence for outcome, _ in settled if outcome.learn])
        new = [item for item in settled if not (item[0].learn and item[0].decision_sequence in applied)]
        await self._append(new)
        for entry in batch:
            if entry.message is None:
                await self._publish_dead_letter(entry)
        await self._store.set_settled(SettledWatermark(self._epoch, batch[-1].sequence))
        for outcome, _ in new:
            metrics.settled.labels(self.tier, _label(outcome)).inc()
        if len(settled) > len(new):
            metrics.settled.labels(self.tier, "counted_before").inc(len(settled) - len(new))

    async def _applied(self, sequences: list[int]) -> set[int]:
        """Return the decisions that have an outcome already: reported by a client, or settled before a restart."""
        bits = AppliedBits()
        for chunk in bits.missing(sequences):
            bits.load(chunk, await self._store.applied_chunk(chunk))
        return {sequence for sequence in sequences if bits.is_set(sequence)}

    async def _append(self, settled: Sequence[tuple[Outcome, str | None]]) -> None:
        """Append outcomes, each in the trace of its message, and wait until all are stored."""
        subject, settled_from = subjects.outcomes(self.tier), subjects.feedback(self.tier)
        pending = []
        for outcome, traceparent in settled:
            span = tracing.follow("settle", settled_from, {"traceparent": traceparent} if traceparent else None)
            headers = {"Nats-Msg-Id": outcome.decision_id, **(tracing.headers(span) or {})}
            future = await self._bus.requests.send(subject, encode(outcome), APPEND_TIMEOUT_S, headers)
            pending.append((future, span, outcome))
        for future, span, outcome in pending:
            read_ack(await future)
            if span is not None:
                attributes = {"pointsman.decision_id": outcome.decision_id, "pointsman.feedback": _label(outcome)}
                tracing.end(span, attributes)

    async def _publish_dead_letter(self, entry: Entry) -> None:
        log.warning("tier %s: message %d is a dead letter: %s", self.tier, entry.sequence, entry.problem)
        stored = await self._bus.get(subjects.FEEDBACK, entry.sequence)
        message = stored or StoredMessage(subjects.feedback(self.tier), b"", entry.sequence, entry.at_ms)
        await publish_dead_letter(self._bus, SERVICE, subjects.FEEDBACK, message, entry.problem)

    def _read(self, stored: StoredMessage) -> Entry:
        try:
            message = decode_pending(stored.data, self.tier)
        except UnknownVersion as error:
            raise UnknownVersion(f"{stored.subject}, message {stored.sequence}: {error}") from error
        except MessageError as error:
            return Entry(stored.sequence, stored.at_ms, None, str(error))
        return Entry(stored.sequence, stored.at_ms, message, traceparent=stored.traceparent)


def _label(outcome: Outcome) -> str:
    """Return the value of the metric label and span attribute; the values are part of the interface."""
    return "told" if outcome.feedback else "untold"
