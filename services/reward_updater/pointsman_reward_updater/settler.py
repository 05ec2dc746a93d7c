"""Settling one tier: what waits for feedback counts when it has waited long enough.

It works beside the tier's writer and knows nothing of it: it appends to the outcome log what the gateway would have
appended. Which outcome that is, `waiting` says; here is when, and how it survives a crash: the low watermark moves when
everything up to it is appended, and what is appended twice counts once (ADR 0015).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.feedback import decode_waiting
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.applied import CHUNK
from pointsman.learning.settled_store import Settled, SettledStore
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, BusError, LogReader, StoredMessage, StreamMissing, read_ack
from pointsman.runtime.bus.dead_letters import publish_dead_letter
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import bind_tier, logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning
from pointsman_reward_updater import events
from pointsman_reward_updater.waiting import Entry, WaitingRoom

log = logger("reward_updater.settler")

RETRY_S = 0.5
LOOK_S = 0.25
CLOCKS_MS = 1000
"""How much later than due something counts: the log's clock and ours may differ by so much."""
MAX_BATCH = 500
EARLY_BATCH = 50
"""How many messages are passed at once when too many are kept in mind: no more answers than need be count early."""
APPEND_TIMEOUT_S = 5.0
WARN_AGAIN_S = 60.0


class TierSettler:
    """Settles a tier for as long as it holds the tier's lease for that.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    holder : str
        This process, by a name that no other has.
    """

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config, holder: str) -> None:
        self._bus = bus
        self._tier_store = TierStore(store, tier)
        self._settled = SettledStore(store, tier)
        self._lease = Lease(store, "settler", tier, holder, config.reward_updater.lease_ms)
        self._renew_s = config.reward_updater.lease_ms / 3000.0
        configured = config.tier_named(tier)
        self._wait_ms = round(configured.reward_wait_s * 1000.0) if configured else 0
        self.tier = tier
        self.status = "starting"
        self._warning = RateLimitedWarning(log, f"tier {tier}, feedback", "retrying")
        self.oldest: int | None = None
        """Sequence of the oldest message that still waits; None when none does, or another settles."""
        self._held_at = 0.0
        self._epoch = ""
        self._room = WaitingRoom()
        self._due: deque[Entry] = deque()
        self._ahead = 0
        self._behind = 0
        self._through_ms = 0
        self._warned_at = float("-inf")
        metrics.dead_letters.labels(subjects.FEEDBACK)  # at 0 from the start, so that the first one is seen as a rise

    async def run(self) -> None:
        """Settle until cancelled."""
        bind_tier(self.tier)
        try:
            while True:
                try:
                    if await self._lease.hold():
                        self._held_at = time.monotonic()
                        await self._settle()
                    else:
                        self.status = "standby"
                        self._warning.recovered()
                        metrics.feedback_held.remove(self.tier)  # another one's to tell now
                        await asyncio.sleep(self._renew_s)
                except (BusError, StateError) as error:
                    self._warning.failed(str(error))
                    self.status = f"waiting: {error}"
                    await asyncio.sleep(RETRY_S)
                finally:
                    self.oldest = None
        finally:
            if self.status == "settling":
                try:
                    await self._lease.drop()
                except StateError as error:
                    log.debug("tier %s: lease not given back: %s", self.tier, error)

    async def _settle(self) -> None:
        """Find the place to go on from, and settle what is due until something says to start over."""
        if not await self._begin():
            return
        self.status = "settling"
        reader = LogReader(
            self._bus, subjects.FEEDBACK, subjects.feedback(self.tier), self._behind + 1, max_batch=MAX_BATCH
        )
        try:
            while await self._still_ours():
                self._warning.recovered()
                await self._look_ahead(reader)
                if reader.restarts > 0:
                    return  # whatever made the reader start over may have changed the stream
                while batch := await self._next_due():
                    await self._count(batch)
                self.oldest = self._due[0].sequence if self._due else None
                metrics.feedback_held.labels(self.tier).set(self._room.held)
        finally:
            await reader.close()

    async def _begin(self) -> bool:
        """Take the low watermark; tell whether there is a stream, and what it says can be relied upon."""
        try:
            created = (await self._bus.info(subjects.FEEDBACK)).created
        except StreamMissing:
            self.status = "waiting: the gateway makes the stream FEEDBACK"
            await asyncio.sleep(RETRY_S)
            return False
        found = await self._settled.get()
        if found.epoch != created:
            # The store does not know: everything in the stream is looked at again. What counted is known by its bits,
            # once the writer has applied all that the log has.
            if not await self._all_applied():
                self.status = "waiting: the tier's outcomes are applied first"
                await asyncio.sleep(RETRY_S)
                return False
            found = Settled(created, 0)
        self._epoch, self._ahead, self._behind = created, found.sequence, found.sequence
        self._room, self._through_ms = WaitingRoom(), 0
        self._due.clear()
        return True

    async def _all_applied(self) -> bool:
        last = await self._bus.last(subjects.OUTCOMES, subjects.outcomes(self.tier))
        return last is None or (await self._tier_store.changes()).watermark >= last.sequence

    async def _still_ours(self) -> bool:
        now = time.monotonic()
        if now - self._held_at < self._renew_s:
            return True
        if await self._lease.hold():
            self._held_at = now
            return True
        log.info("tier %s: another updater settles now", self.tier)
        return False

    async def _look_ahead(self, reader: LogReader) -> None:
        """Take notes of what is new, and learn up to which time everything is noted."""
        if self._room.full:
            return
        batch = await reader.next_batch(wait_s=min(self._renew_s, LOOK_S))
        for stored in batch:
            entry = self._read(stored)
            self._room.note(entry)
            self._ahead, self._through_ms = entry.sequence, max(self._through_ms, entry.at_ms - 1)
        if reader.restarts == 0 and (complete_at := await reader.complete_at()) is not None:
            self._through_ms = max(self._through_ms, int(complete_at * 1000) - CLOCKS_MS)

    async def _next_due(self) -> list[Entry]:
        """Return what is due, in order; nothing while the next message is not."""
        if not self._due and self._behind < self._ahead:
            await self._fill()
        batch: list[Entry] = []
        early = self._room.full
        if early and time.monotonic() - self._warned_at > WARN_AGAIN_S:
            self._warned_at = time.monotonic()
            log.warning("tier %s: too much feedback waits; the oldest answers count before their time", self.tier)
        while self._due and (self._is_due(self._due[0]) or (early and len(batch) < EARLY_BATCH)):
            batch.append(self._due.popleft())
        return batch

    def _is_due(self, entry: Entry) -> bool:
        """Tell whether a message has waited as long as it says, or as the configuration says now if that is less."""
        return min(entry.due_ms, entry.at_ms + self._wait_ms) <= self._through_ms

    async def _fill(self) -> None:
        """Read the next messages that wait. They are few, and wait long: a consumer on the server would not last."""
        reader = LogReader(
            self._bus, subjects.FEEDBACK, subjects.feedback(self.tier), self._behind + 1, max_batch=MAX_BATCH
        )
        try:
            while not self._due and await self._still_ours():
                for stored in await reader.next_batch(wait_s=self._renew_s):
                    if stored.sequence <= self._ahead:
                        self._due.append(self._read(stored))
                        self._behind = stored.sequence
        finally:
            await reader.close()

    async def _count(self, batch: list[Entry]) -> None:
        """Append the outcomes of a batch, then move the watermark."""
        settled = [
            (outcome, entry.traceparent) for entry in batch if (outcome := self._room.settle(entry, self._through_ms))
        ]
        counted = await self._counted([outcome.decision_sequence for outcome, _ in settled if outcome.learn])
        new = [item for item in settled if not (item[0].learn and item[0].decision_sequence in counted)]
        await self._append(new)
        for entry in batch:
            if entry.message is None:
                await self._publish_dead_letter(entry)
        await self._settled.set(Settled(self._epoch, batch[-1].sequence))
        for outcome, _ in new:
            metrics.settled.labels(self.tier, _told(outcome)).inc()
        if len(settled) > len(new):
            metrics.settled.labels(self.tier, "counted_before").inc(len(settled) - len(new))

    async def _counted(self, sequences: list[int]) -> set[int]:
        """Return the decisions that have an outcome already: reported by somebody, or settled before a restart."""
        found = set()
        for chunk in {sequence // CHUNK for sequence in sequences}:
            bits = await self._tier_store.applied_chunk(chunk * CHUNK)
            for sequence in sequences:
                byte, mask = sequence % CHUNK >> 3, 0x80 >> (sequence & 7)
                if sequence // CHUNK == chunk and byte < len(bits) and bits[byte] & mask:
                    found.add(sequence)
        return found

    async def _append(self, settled: Sequence[tuple[Outcome, str | None]]) -> None:
        """Append outcomes, each in the trace of the message that it comes of, and wait until all are stored."""
        subject, waited_on = subjects.outcomes(self.tier), subjects.feedback(self.tier)
        pending = []
        for outcome, traceparent in settled:
            span = tracing.follow("settle", waited_on, traceparent)
            headers = {"Nats-Msg-Id": outcome.decision_id, **(tracing.headers(span) or {})}
            future = await self._bus.requests.send(subject, encode(outcome), APPEND_TIMEOUT_S, headers)
            pending.append((future, span, outcome))
        for future, span, outcome in pending:
            read_ack(await future)
            if span is not None:
                about = {"pointsman.decision_id": outcome.decision_id, "pointsman.feedback": _told(outcome)}
                tracing.end(span, about)

    async def _publish_dead_letter(self, entry: Entry) -> None:
        log.warning("tier %s: message %d is a dead letter: %s", self.tier, entry.sequence, entry.problem)
        stored = await self._bus.get(subjects.FEEDBACK, entry.sequence)
        await publish_dead_letter(
            self._bus,
            events.SERVICE,
            subjects.FEEDBACK,
            subject=subjects.feedback(self.tier),
            sequence=entry.sequence,
            data=stored.data if stored else b"",
            reason=entry.problem,
        )

    def _read(self, stored: StoredMessage) -> Entry:
        try:
            message = decode_waiting(stored.data, self.tier)
        except MessageError as error:
            return Entry(stored.sequence, stored.at_ms, None, str(error))
        return Entry(stored.sequence, stored.at_ms, message, traceparent=stored.traceparent)


def _told(outcome: Outcome) -> str:
    return "told" if outcome.feedback else "untold"
