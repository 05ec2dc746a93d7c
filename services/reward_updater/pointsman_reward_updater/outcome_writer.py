"""Outcome writer of one tier: apply the outcome log to the store in order, each batch in one atomic commit."""

import secrets
import time

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.contracts.messages.notices import ArmsChanged
from pointsman.contracts.messages.validation import MAX_MS
from pointsman.core.bandit import Learner
from pointsman.core.bandit.drift import SIGNALS
from pointsman.learning.ledger import Applied, Dead, LogEntry, Skipped, TierLedger, read_outcome
from pointsman.learning.rebuild_check import relearn
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import Commit, TierChanges, TierStore
from pointsman.runtime.bus import Bus, LogReader, StoredMessage, StreamMissing
from pointsman.runtime.bus.notices import publish_alert, publish_dead_letter
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.instruments import ArmMetric
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import Halted, NotReady, TierWorker
from pointsman_reward_updater.drift_alert import publish_drift
from pointsman_reward_updater.outlier_alerts import OutlierAlerts
from pointsman_reward_updater.publishing import SERVICE, publish_rewards, rewards_complete_through

log = logger("reward_updater")

HEARTBEAT_INTERVAL_S = 1.0
FIRST_READ_TIMEOUT_S = 0.02
DAY_S = 86_400


class OutcomeWriter(TierWorker):
    """Learn from a tier's outcomes and commit the result to the store.

    State in memory is valid only until the next commit, which compares the watermark: when another writer has moved it,
    or the store has lost or regained data, this writer loads everything again and continues from there.
    """

    role = "reward-updater"
    running_status = "writing"

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config, holder: str) -> None:
        super().__init__(store, tier, holder, config.reward_updater.lease_ms, log)
        self._bus = bus
        self._store = TierStore(store, tier)
        self._max_batch = config.reward_updater.max_batch
        arms = {tier: tier_arms(found)} if (found := config.tier_named(tier)) else {tier: ()}
        self._arm_rewards = ArmMetric(metrics.arm_rewards, arms)
        self._arm_costs = ArmMetric(metrics.arm_costs, arms)
        self._outliers = OutlierAlerts(bus, tier)
        self._applied = metrics.outcomes_applied.labels(tier)
        self._rewards = metrics.rewards.labels(tier)
        self._reward_delays = metrics.reward_delay_seconds.labels(tier)
        metrics.halted.labels(tier).set(0)  # 0 from the start, so that the first halt is an increase
        metrics.commit_retries.labels(tier)
        metrics.commit_conflicts.labels(tier)
        metrics.dead_letters.labels(subjects.OUTCOMES)
        for signal in SIGNALS:
            metrics.drift_alarms.labels(tier, signal)
        self._keep_s = int(config.nats.decisions_max_age_days * DAY_S)
        self._reader = LogReader(bus, subjects.OUTCOMES, subjects.outcomes(tier))
        self._epoch = ""
        self._generation = ""
        self._ledger = TierLedger()
        self._as_of_ms = 0
        self._published_through = 0
        self._heartbeat_at = 0.0

    async def load(self) -> None:
        """Load the tier from the store, after checking that the log is the one it was learned from."""
        changes = await self._store.changes()
        if changes.epoch == RESETTING:
            raise NotReady("the tier is being reset")
        created = await self._check_log(changes)
        metrics.halted.labels(self.tier).set(0)
        self._published_through = await rewards_complete_through(self._bus, self.tier)
        self._epoch, self._generation = created, secrets.token_hex(8)
        self._ledger = TierLedger(
            learner=Learner.from_state(dict(changes.arms), changes.ranges),
            watermark=changes.watermark,
            watermark_at_ms=changes.watermark_at_ms,
            decision_high=changes.decision_high,
        )
        self._as_of_ms = changes.as_of_ms
        if changes.incomplete:
            await self._complete(changes)
        self._heartbeat_at = 0.0
        log.info("tier %s: writing from %d on", self.tier, changes.watermark + 1)
        subject = subjects.outcomes(self.tier)
        self._reader = LogReader(
            self._bus, subjects.OUTCOMES, subject, changes.watermark + 1, max_batch=self._max_batch
        )

    async def step(self) -> bool:
        """Apply the next batch; without one, report at intervals how far the log was read."""
        # The first wait is short: the replicas need to know soon whether there is more to learn.
        wait_s = min(self.renew_interval_s, HEARTBEAT_INTERVAL_S) / 2 if self._heartbeat_at else FIRST_READ_TIMEOUT_S
        batch = await self._reader.next_batch(wait_s=wait_s)
        if self._reader.restarts > 0:
            return False  # whatever made the reader restart may have changed the log
        metrics.log_lag.labels(self.tier).set(self._reader.pending + len(batch))
        if batch:
            reads, newer = _read_known(batch)
            if reads and not await self._apply(batch[: len(reads)], reads):
                return False
            if newer is not None:
                raise newer
            return True
        if time.monotonic() - self._heartbeat_at >= HEARTBEAT_INTERVAL_S:
            return await self._heartbeat()
        return True

    async def unload(self) -> None:
        """Close the reader."""
        await self._reader.close()

    def on_standby(self) -> None:
        """Remove the tier's gauges: the values of this process are older than those of the one that writes."""
        metrics.halted.labels(self.tier).set(0)
        metrics.log_lag.remove(self.tier)
        metrics.watermark.remove(self.tier)

    def on_failure(self) -> None:
        """Count the retry."""
        metrics.commit_retries.labels(self.tier).inc()

    async def on_halt(self, problem: str) -> None:
        """Raise an alert. Continuing would apply outcomes twice, or not at all."""
        metrics.halted.labels(self.tier).set(1)
        await publish_alert(self._bus, "halted", self.tier, problem, SERVICE)

    async def on_newer(self, problem: str) -> None:
        """Raise an alert."""
        await publish_alert(self._bus, "newer-version", self.tier, problem, SERVICE)

    async def _complete(self, changes: TierChanges) -> None:
        """Learn again what a version that kept only A and b has learned, if the log still has all of it."""
        log.info("tier %s: an older version stored only A and b; learning the log again", self.tier)
        ledger = await relearn(self._bus, self.tier, changes)
        if ledger is None:
            log.warning(
                "tier %s: the log does not reach back to the first outcome: of what was learned before, the noise and "
                "the weight of the prior are approximations, and a change of lambda_cost or mu_latency does not apply",
                self.tier,
            )
            return
        self._ledger = ledger
        if not await self._commit(changes.watermark, changes.as_of_ms, [], relearned=True):
            raise NotReady("another reward-updater has learned meanwhile")

    async def _check_log(self, changes: TierChanges) -> str:
        """Return when the log was created; raise `Halted` if the store cannot have been learned from it."""
        try:
            info = await self._bus.info(subjects.OUTCOMES)
        except StreamMissing as error:
            raise Halted("the outcome log does not exist") from error
        state, created = info.state, info.created
        if changes.epoch and changes.epoch != created:
            raise Halted(f"the store was learned from the log created {changes.epoch}; this log was created {created}")
        if state.last_seq < changes.watermark:
            raise Halted(f"the log ends at {state.last_seq}, before the last applied outcome, {changes.watermark}")
        if state.first_seq > max(info.config.first_seq, 1, changes.watermark + 1):
            raise Halted(f"the log begins at {state.first_seq}; it lost outcomes after {changes.watermark}")
        if changes.watermark_at_ms:
            # A restored older copy may have grown past the watermark; then it has another message there.
            found = await self._bus.get(subjects.OUTCOMES, changes.watermark)
            if found is None or (found.subject, found.at_ms) != (subjects.outcomes(self.tier), changes.watermark_at_ms):
                raise Halted(f"the log has another message at {changes.watermark} than the one that was applied")
        return created

    async def _apply(self, batch: list[StoredMessage], reads: list[LogEntry]) -> bool:
        """Learn from a batch and commit it; return whether the commit was applied."""
        await self._load_bits([read.outcome.decision_sequence for read in reads if read.outcome and read.outcome.learn])
        before = self._ledger.watermark
        results = [self._ledger.apply(read) for read in reads]
        applied = [result for result in results if isinstance(result, Applied)]
        unpublished = [item for item in applied if item.sequence > self._published_through]
        await publish_rewards(self._bus, self.tier, unpublished, before)
        for item in unpublished:
            if item.alarm is not None:
                await publish_drift(self._bus, self.tier, item, item.alarm)
        for message, result in zip(batch, results, strict=True):
            if isinstance(result, Dead):
                await publish_dead_letter(self._bus, SERVICE, subjects.OUTCOMES, message, result.reason)
        rows = [(item.outcome.decision_sequence, item.sequence, item.reward.value / 100.0) for item in applied]
        with tracing.committing(self.tier, [message.traceparent for message in batch]) as headers:
            if not await self._commit(before, batch[-1].at_ms, rows, headers):
                return False
        self._count(results)
        await self._outliers.report(unpublished)
        committed_ms, delays = time.time() * 1000.0, metrics.hop_seconds.labels("outcome_commit", self.tier)
        for message in batch:
            if message.sequence > self._published_through:  # not those that are only learned again
                delays.observe(max(0.0, committed_ms - message.at_ms) / 1000.0)
        return True

    async def _heartbeat(self) -> bool:
        """Commit the time up to which the log was read, if it was read to its end; return False on a conflict."""
        complete_at = await self._reader.complete_at()
        if complete_at is None:
            return True
        self._heartbeat_at = time.monotonic()
        return await self._commit(self._ledger.watermark, int(complete_at * 1000), [])

    async def _commit(
        self,
        before: int,
        as_of_ms: int,
        rows: list[tuple[int, int, float]],
        headers: dict[str, str] | None = None,
        *,
        relearned: bool = False,
    ) -> bool:
        ledger, changed = self._ledger, self._ledger.learner.take_changed()
        self._as_of_ms = max(self._as_of_ms, as_of_ms)
        commit = Commit(
            epoch=self._epoch,
            expected_watermark=before,
            watermark=ledger.watermark,
            as_of_ms=self._as_of_ms,
            ranges=ledger.learner.state(),
            decision_high=ledger.decision_high,
            watermark_at_ms=ledger.watermark_at_ms,
            arms=changed,
            applied=rows,
            keep_outcomes_s=self._keep_s,
            generation=self._generation,
            relearned=relearned,
        )
        with metrics.commit_seconds.labels(self.tier).time():
            committed = await self._store.commit(commit)
        if not committed.applied:
            metrics.commit_conflicts.labels(self.tier).inc()
            log.info("tier %s: expected watermark %d, found %d", self.tier, before, committed.watermark)
            return False
        ledger.bits.trim()
        metrics.watermark.labels(self.tier).set(ledger.watermark)
        notice = ArmsChanged(
            tier=self.tier,
            epoch=self._epoch,
            watermark=ledger.watermark,
            as_of_ms=self._as_of_ms,
            arms=[str(arm) for arm in changed],
            committed_at_ms=int(time.time() * 1000),
        )
        await self._bus.publish(subjects.arms(self.tier), encode(notice), headers)  # a lost one delays replicas by 1 s
        return True

    async def _load_bits(self, sequences: list[int]) -> None:
        for chunk in self._ledger.bits.missing(sequences):
            self._ledger.bits.load(chunk, await self._store.applied_chunk(chunk))

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


def _read_known(batch: list[StoredMessage]) -> tuple[list[LogEntry], UnknownVersion | None]:
    """Decode the messages before the first one of a newer version; return them, and the error of that one."""
    reads: list[LogEntry] = []
    for message in batch:
        try:
            reads.append(read_outcome(message.subject, message.data, message.sequence, message.at_ms))
        except UnknownVersion as error:
            return reads, error
    return reads, None
