"""Reader of one tier's decision log: each decision is evaluated by every shadow, published, and counted once."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import event_decoder
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.validation import check_event
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.decision_group import DecisionGroup, LoggedDecision, group_decisions
from pointsman.shadow.evaluation.shadow_policy import Evaluation, ShadowPolicy, evaluate
from pointsman.shadow.sums import progress as fields
from pointsman.shadow.sums.activity import add_activity
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.decision_sums import add_decisions
from pointsman.shadow.sums.picks import expire_picks, picks_from_evaluation
from pointsman.shadow.sums.runs import runs_after_batch, truncate_runs
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.decisions.event_encoding import encode_events
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher, Sent
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import decode_batch, process_batches
from pointsman_shadow_evaluator.own_learning.own_learners import OwnLearners

log = logger("shadow_evaluator")


class DecisionReader:
    """Evaluates a tier's decisions.

    As in the reward-updater, the commit of the sums compares the watermark, so that a decision counts once even after a
    crash. Events on ``shadow.<policy>.<tier>`` are published before the commit: none is missing, and some may be
    published twice, byte for byte the same. The log is read even without a shadow, so that a new shadow starts with the
    current decisions.
    """

    def __init__(
        self, bus: Bus, store: Store, state: EvaluationState, config: Config, publisher: EventPublisher
    ) -> None:
        self._bus = bus
        self._store = ShadowStore(store, state.name)
        self._state = state
        self._settings = config.shadow_evaluator
        self._publisher = publisher
        self._learners = OwnLearners(bus, store, state.name, config)
        self.tier = state.name

    async def run(self) -> None:
        """Evaluate from the watermark on, until a new start is required."""
        await self._reset_watermark()
        reader = LogReader(
            self._bus,
            subjects.DECISIONS,
            subjects.decision_log(self.tier),
            self._state.progress.watermark + 1,
            max_batch=self._settings.max_batch,
        )
        try:
            await process_batches(reader, self.tier, metrics.shadow_lag, self._process)
        finally:
            await self._learners.close()

    async def _reset_watermark(self) -> None:
        """Set the watermark to the end of the log if the log ends before it: an older copy was restored."""
        progress = self._state.progress
        end = (await self._bus.info(subjects.DECISIONS)).state.last_seq
        if end >= progress.watermark:
            return
        log.error(
            "tier %s: the decision log ends at %d, before %d: an older copy was restored",
            self.tier,
            end,
            progress.watermark,
        )
        runs = truncate_runs(progress.runs, end)
        commit = self._new_commit(end)
        commit.progress = fields.encode_runs(runs)
        if (await self._store.commit(commit)).applied:
            progress.watermark = end
            progress.apply_runs(runs)
            self._state.recent.clear()

    async def _process(self, batch: list[StoredMessage]) -> bool:
        """Evaluate a batch; return whether to continue. New shadows also learn while no decision arrives."""
        shadows = await self._learners.ready(self._state.shadows, self._state.progress)
        return shadows is not None and (not batch or await self._evaluate(batch, shadows))

    async def _evaluate(self, batch: list[StoredMessage], shadows: Sequence[ShadowPolicy]) -> bool:
        """Evaluate a batch and commit it; return whether to continue."""
        decoded = await decode_batch(self._bus, subjects.DECISIONS, self.tier, batch, decode_decision)
        decisions = [decision for decision in decoded if decision is not None]
        known = await self._known_outcomes(decisions)
        groups = group_decisions(decisions)
        commit = self._new_commit(batch[-1].sequence)
        add_activity(commit.hours, decisions, int(time.time() * 1000))
        sent: list[Sent] = []
        try:
            with tracing.evaluating(self.tier, len(shadows), [message.traceparent for message in batch]):
                await self._run(shadows, groups, known, commit, sent)
                return await self._commit(batch, shadows, known, commit, sent)
        finally:
            for chunk in sent:
                chunk.cancel()

    async def _run(
        self,
        shadows: Sequence[ShadowPolicy],
        groups: Sequence[DecisionGroup],
        known: NDArray[np.int64],
        commit: ShadowCommit,
        sent: list[Sent],
    ) -> None:
        """Run the shadows on a batch: fill the commit and send the events."""
        for shadow in shadows:
            estimates = await self._learners.estimates(shadow, groups, known)
            subject = subjects.shadow(shadow.spec.name, self.tier)
            for group, own in zip(groups, estimates, strict=True):
                evaluation = evaluate(shadow, group, own)
                add_decisions(commit.hours, shadow.identity, group, evaluation)
                sent += await self._publisher.send(subject, encode_events(shadow, group, evaluation))
                if shadow.stateful:
                    commit.picks |= picks_from_evaluation(shadow, group, evaluation)
                self._count(shadow, group, evaluation)

    async def _commit(
        self,
        batch: Sequence[StoredMessage],
        shadows: Sequence[ShadowPolicy],
        known: NDArray[np.int64],
        commit: ShadowCommit,
        sent: Sequence[Sent],
    ) -> bool:
        """Commit a batch after its events are stored; return whether to continue."""
        progress = self._state.progress
        runs = runs_after_batch(progress.runs, shadows, progress.watermark)
        first, commit.dropped = expire_picks(progress, commit.picks, commit.reached, self._settings.pending_decisions)
        outcomes = int(known[-1]) if len(known) else progress.outcomes
        commit.progress = {
            fields.OUTCOMES: str(outcomes),
            **fields.encode_runs(runs),
            **fields.encode_first_chunks(first),
        }
        await self._publisher.confirm(sent)
        committed = await self._store.commit(commit)
        if not committed.applied:
            log.info("tier %s: expected watermark %d, found %d", self.tier, commit.expected, committed.watermark)
            return False
        progress.watermark, progress.outcomes = commit.reached, outcomes
        progress.apply_runs(runs)
        progress.apply_first_chunks(first)
        for message in batch:
            self._state.recent.add(message)
        self._state.moved.set()
        return await self._learners.commit(shadows)

    async def _known_outcomes(self, decisions: Sequence[LoggedDecision]) -> NDArray[np.int64]:
        """Return for each decision the last outcome that it, or an earlier one in the log, was made with."""
        before = self._state.progress.outcomes
        watermarks = [max(decision.event.state_watermark, 0) for decision in decisions]
        if max(watermarks, default=0) > before:
            # A watermark beyond the end of the log refers to another log, or no replica wrote it.
            end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
            watermarks = [watermark if watermark <= end else 0 for watermark in watermarks]
        known: NDArray[np.int64] = np.maximum.accumulate(np.array([before, *watermarks], dtype=np.int64))[1:]
        return known

    def _new_commit(self, reached: int) -> ShadowCommit:
        return self._state.new_commit(fields.WATERMARK, self._state.progress.watermark, reached)

    def _count(self, shadow: ShadowPolicy, group: DecisionGroup, evaluation: Evaluation) -> None:
        name, good = shadow.spec.name, evaluation.distributions.good
        agreed = evaluation.candidate[good] == group.chosen[evaluation.rows[good]]
        metrics.shadow_evaluated.labels(self.tier, name).inc(len(good))
        metrics.shadow_agreed.labels(self.tier, name).inc(int(agreed.sum()))
        metrics.shadow_errors.labels(self.tier, name).inc(len(evaluation.distributions.failed))


def decode_decision(message: StoredMessage, tier: str) -> LoggedDecision:
    """Decode and validate a decision of the log. Raise `MessageError` if a replica would not have written it."""
    event = decode(event_decoder, message.data)
    check_event(event, tier)
    return LoggedDecision(str(DecisionId(tier, message.sequence, event.nonce)), message.sequence, message.at_ms, event)
