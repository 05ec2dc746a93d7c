"""Writing one tier: from the watermark on, in log order, each batch in one atomic commit.

States of a writer::

    standby ──lease──▶ load ──agrees──▶ apply ──conflict, gap, error──▶ load
                        │  ▲                 └──lease lost──▶ standby
                 disagrees └──log and store agree again──┐
                        └──────────▶ halted ─────────────┘
"""

from __future__ import annotations

import asyncio
import secrets
import time

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.validation import MAX_MS
from pointsman.core.bandit import Arm, Learner, Ranges
from pointsman.learning import Applied, Dead, Skipped, TierLedger, read_outcome
from pointsman.learning.applied import CHUNK
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import Commit, TierChanges, TierStore
from pointsman.runtime.bus import Bus, BusError, LogReader, StoredMessage, StreamInfo, StreamMissing
from pointsman.runtime.bus.dead_letters import publish_dead_letter
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.instruments import ArmMetric
from pointsman.runtime.telemetry.logs import bind_tier, logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning
from pointsman_reward_updater import events

log = logger("reward_updater")

HEARTBEAT_S = 1.0
FIRST_LOOK_S = 0.02
RETRY_S = 0.5
HALT_CHECK_S = 5.0
DAY_S = 86_400


class TierWriter:
    """Applies a tier's outcomes to the store for as long as it holds the tier's lease.

    Nothing in memory is trusted further than the next commit: that compares the watermark, and when another writer
    has moved it, or the store lost or regained something, this one reads everything again and goes on from there.

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
        self._store = TierStore(store, tier)
        self._lease = Lease(store, "reward-updater", tier, holder, config.reward_updater.lease_ms)
        self._renew_s = config.reward_updater.lease_ms / 3000.0
        self._max_batch = config.reward_updater.max_batch
        arms = {tier: tier_arms(found)} if (found := config.tier_named(tier)) else {tier: ()}
        self._arm_rewards = ArmMetric(metrics.arm_rewards, arms)
        self._arm_costs = ArmMetric(metrics.arm_costs, arms)
        metrics.halted.labels(tier).set(0)  # at 0 from the start, so that the first one is seen as a rise
        self._applied = metrics.outcomes_applied.labels(tier)
        self._rewards = metrics.rewards.labels(tier)
        self._reward_delays = metrics.reward_delay_seconds.labels(tier)
        metrics.commit_retries.labels(tier)
        metrics.commit_conflicts.labels(tier)
        metrics.dead_letters.labels(subjects.OUTCOMES)
        self._keep_s = int(config.nats.decisions_max_age_days * DAY_S)
        self.tier = tier
        self.status = "starting"
        self._warning = RateLimitedWarning(log, f"tier {tier}", "retrying")
        self._epoch = ""
        self._generation = ""
        self._ledger = TierLedger()
        self._as_of_ms = 0
        self._published_through = 0
        self._beat_at = 0.0
        self._held_at = 0.0

    async def run(self) -> None:
        """Write until cancelled."""
        bind_tier(self.tier)
        try:
            while True:
                try:
                    if await self._lease.hold():
                        self._held_at = time.monotonic()
                        await self._write()
                    else:
                        self._stand_by()
                        await asyncio.sleep(self._renew_s)
                except (BusError, StateError) as error:
                    metrics.commit_retries.labels(self.tier).inc()
                    self._warning.failed(str(error))
                    self.status = f"waiting: {error}"
                    await asyncio.sleep(RETRY_S)
        finally:
            if self.status in ("writing", "halted"):
                try:
                    await self._lease.drop()
                except StateError as error:
                    log.debug("tier %s: lease not given back: %s", self.tier, error)

    def _stand_by(self) -> None:
        """Say nothing more of the tier: what this writer knew last would be told beside what another one knows now."""
        self.status = "standby"
        self._warning.recovered()
        metrics.halted.labels(self.tier).set(0)
        metrics.log_lag.remove(self.tier)
        metrics.watermark.remove(self.tier)

    async def _write(self) -> None:
        """Load the tier, and apply what comes until something says to start over."""
        changes = await self._store.changes()
        if changes.epoch == RESETTING:
            self.status = "waiting: the tier is being reset"
            await asyncio.sleep(RETRY_S)
            return
        problem, created = await self._disagreement(changes)
        if problem:
            await self._halt(problem)
            return
        metrics.halted.labels(self.tier).set(0)
        self._published_through = await events.published_through(self._bus, self.tier)
        self._take(changes, created)
        self.status = "writing"
        log.info("tier %s: writing from %d on", self.tier, changes.watermark + 1)
        reader = LogReader(
            self._bus, subjects.OUTCOMES, subjects.outcomes(self.tier), changes.watermark + 1, max_batch=self._max_batch
        )
        try:
            while await self._still_ours():
                self._warning.recovered()
                # At first only until the server has said whether there is more: replicas wait to know their age.
                wait_s = min(self._renew_s, HEARTBEAT_S) / 2 if self._beat_at else FIRST_LOOK_S
                batch = await reader.next_batch(wait_s=wait_s)
                if reader.restarts > 0:
                    return  # whatever made the reader start over may have changed the log
                metrics.log_lag.labels(self.tier).set(reader.pending + len(batch))
                if batch:
                    if not await self._apply(batch):
                        return
                elif time.monotonic() - self._beat_at >= HEARTBEAT_S and not await self._beat(reader):
                    return
        finally:
            await reader.close()

    async def _still_ours(self) -> bool:
        now = time.monotonic()
        if now - self._held_at < self._renew_s:
            return True
        self._held_at = now
        if await self._lease.hold():
            return True
        log.info("tier %s: another updater writes now", self.tier)
        return False

    async def _disagreement(self, changes: TierChanges) -> tuple[str, str]:
        """Return why log and store cannot belong together (empty when they can), and when the log was created."""
        try:
            info: StreamInfo = await self._bus.info(subjects.OUTCOMES)
        except StreamMissing:
            return "the outcome log does not exist", ""
        state, created = info.state, info.created
        begins_at = max(info.config.first_seq, 1)
        if changes.epoch and changes.epoch != created:
            return f"the store was learned from the log created {changes.epoch}; this log was created {created}", ""
        if state.last_seq < changes.watermark:
            return f"the log ends at {state.last_seq}, before what was applied, {changes.watermark}", ""
        if state.first_seq > max(begins_at, changes.watermark + 1):
            return f"the log begins at {state.first_seq}; it lost outcomes after {changes.watermark}", ""
        if changes.watermark_at_ms:
            # A copy that was put back may have grown past the watermark; then it has another message there.
            found = await self._bus.get(subjects.OUTCOMES, changes.watermark)
            if found is None or (found.subject, found.at_ms) != (subjects.outcomes(self.tier), changes.watermark_at_ms):
                return f"the log has another message at {changes.watermark} than the one that was applied", ""
        return "", created

    async def _halt(self, problem: str) -> None:
        """Say that a person must decide, and wait: guessing would learn twice, or not at all."""
        if self.status != "halted":
            log.error("tier %s halted: %s", self.tier, problem)
            await events.alert(self._bus, "halted", self.tier, problem)
        self.status = "halted"
        metrics.halted.labels(self.tier).set(1)
        await asyncio.sleep(HALT_CHECK_S)

    def _take(self, changes: TierChanges, created: str) -> None:
        learner = Learner(arms=dict(changes.arms), ranges=Ranges.from_state(changes.ranges))
        self._generation = secrets.token_hex(8)
        self._ledger = TierLedger(
            learner=learner,
            watermark=changes.watermark,
            watermark_at_ms=changes.watermark_at_ms,
            decision_high=changes.decision_high,
        )
        self._epoch = created
        self._as_of_ms = changes.as_of_ms
        self._beat_at = 0.0

    async def _apply(self, batch: list[StoredMessage]) -> bool:
        """Learn from a batch and commit it; tell whether to go on."""
        reads = [read_outcome(m.subject, m.data, m.sequence, m.at_ms) for m in batch]
        await self._load_bits([read.outcome.decision_sequence for read in reads if read.outcome and read.outcome.learn])
        before = self._ledger.watermark
        results = [self._ledger.apply(read) for read in reads]
        applied = [result for result in results if isinstance(result, Applied)]
        unpublished = [item for item in applied if item.sequence > self._published_through]
        await events.publish_rewards(self._bus, self.tier, unpublished, before)
        for dead in (result for result in results if isinstance(result, Dead)):
            await publish_dead_letter(
                self._bus,
                events.SERVICE,
                subjects.OUTCOMES,
                subject=dead.subject,
                sequence=dead.sequence,
                data=dead.data,
                reason=dead.reason,
            )
        changed = list(dict.fromkeys(item.arm for item in applied))
        rows = [(item.outcome.decision_sequence, item.sequence, item.reward.value / 100.0) for item in applied]
        with tracing.committing(self.tier, [message.traceparent for message in batch]) as headers:
            if not await self._commit(before, batch[-1].at_ms, changed, rows, headers):
                return False
        self._count(results)
        committed_ms = time.time() * 1000.0
        to_commit = metrics.hop_seconds.labels("outcome_commit", self.tier)
        for message in batch:
            if message.sequence > self._published_through:  # not what is learned again from a log of long ago
                to_commit.observe(max(0.0, committed_ms - message.at_ms) / 1000.0)
        return True

    async def _beat(self, reader: LogReader) -> bool:
        """Say that nothing more was accepted up to now, if that is so; tell whether to go on."""
        complete_at = await reader.complete_at()
        if complete_at is None:
            return True
        self._beat_at = time.monotonic()
        return await self._commit(self._ledger.watermark, int(complete_at * 1000), [], [])

    async def _commit(
        self,
        before: int,
        as_of_ms: int,
        changed: list[Arm],
        rows: list[tuple[int, int, float]],
        headers: dict[str, str] | None = None,
    ) -> bool:
        ledger = self._ledger
        self._as_of_ms = max(self._as_of_ms, as_of_ms)
        commit = Commit(
            epoch=self._epoch,
            expected_watermark=before,
            watermark=ledger.watermark,
            as_of_ms=self._as_of_ms,
            ranges=ledger.learner.ranges.state(),
            decision_high=ledger.decision_high,
            watermark_at_ms=ledger.watermark_at_ms,
            arms={arm: ledger.learner.arms[arm] for arm in changed},
            applied=rows,
            keep_outcomes_s=self._keep_s,
            generation=self._generation,
        )
        with metrics.commit_seconds.labels(self.tier).time():
            committed = await self._store.commit(commit)
        if not committed.applied:
            metrics.commit_conflicts.labels(self.tier).inc()
            log.info("tier %s: expected watermark %d, found %d", self.tier, before, committed.watermark)
            return False
        ledger.bits.trim()
        metrics.watermark.labels(self.tier).set(ledger.watermark)
        await events.announce(self._bus, self.tier, self._epoch, ledger.watermark, self._as_of_ms, changed, headers)
        return True

    async def _load_bits(self, sequences: list[int]) -> None:
        for chunk in self._ledger.bits.missing(sequences):
            self._ledger.bits.load(chunk, await self._store.applied_chunk(chunk * CHUNK))

    def _count(self, results: list[Applied | Skipped | Dead]) -> None:
        applied = 0
        for result in results:
            match result:
                case Applied(outcome=outcome, arm=arm, reward=reward):
                    self._rewards.observe(reward.value / 100.0)
                    self._arm_rewards.labels(self.tier, *arm).observe(reward.value / 100.0)
                    if outcome.cost_usd is not None:
                        self._arm_costs.labels(self.tier, *arm).observe(outcome.cost_usd)
                    if outcome.decided_at_ms:
                        delay_ms = min(max(outcome.accepted_at_ms - outcome.decided_at_ms, 0), MAX_MS)
                        self._reward_delays.observe(delay_ms / 1000.0)
                    applied += 1
                case Skipped(reason=reason):
                    metrics.outcomes_skipped.labels(self.tier, reason).inc()
                case Dead(sequence=sequence, reason=reason):
                    metrics.outcomes_skipped.labels(self.tier, "dead").inc()
                    log.warning("tier %s: outcome %d is a dead letter: %s", self.tier, sequence, reason)
        self._applied.inc(applied)
