"""Reading one tier's decision log: each decision evaluated by every shadow, published, and counted once."""

from __future__ import annotations

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
from pointsman.shadow.evaluation.evaluate import Evaluation, ShadowPolicy, add_decisions, evaluate
from pointsman.shadow.sums import progress as fields
from pointsman.shadow.sums.store import ShadowCommit, ShadowStore
from pointsman_shadow_evaluator.activity import add_activity
from pointsman_shadow_evaluator.decisions.event_encoding import encode_events
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher, Sent
from pointsman_shadow_evaluator.decisions.pick_retention import first_chunks, picks_of
from pointsman_shadow_evaluator.decisions.run_history import after_batch, cut_at
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import read_each, read_on
from pointsman_shadow_evaluator.own_learning.own_learners import OwnLearners

log = logger("shadow_evaluator")


class DecisionReader:
    """Evaluates a tier's decisions for as long as it is run.

    As in the reward-updater, the commit of the sums compares the watermark, so that a decision counts once whatever
    crashes. Events on ``shadow.<policy>.<tier>`` come before the commit: none is missing, some may come twice, the
    same to the byte. The log is read even while there is no shadow, so that a new one begins with the present.

    Parameters
    ----------
    bus : Bus
    store : Store
    state : EvaluationState
    config : Config
    writer : EventPublisher
    """

    def __init__(self, bus: Bus, store: Store, state: EvaluationState, config: Config, writer: EventPublisher) -> None:
        self._bus = bus
        self._store = ShadowStore(store, state.name)
        self._state = state
        self._settings = config.shadow_evaluator
        self._writer = writer
        self._own = OwnLearners(bus, store, state.name, config)
        self.tier = state.name

    async def run(self) -> None:
        """Evaluate from the watermark on, until something says to start over."""
        await self._go_back()
        reader = LogReader(
            self._bus,
            subjects.DECISIONS,
            subjects.decision_log(self.tier),
            self._state.progress.watermark + 1,
            max_batch=self._settings.max_batch,
        )
        try:
            await read_on(reader, self.tier, metrics.shadow_lag, self._take)
        finally:
            await self._own.close()

    async def _go_back(self) -> None:
        """Set the watermark to the log's end where that is before it: an older copy was put back."""
        progress = self._state.progress
        end = (await self._bus.info(subjects.DECISIONS)).state.last_seq
        if end >= progress.watermark:
            return
        log.error(
            "tier %s: the decision log ends at %d, before %d; it was put back", self.tier, end, progress.watermark
        )
        runs = cut_at(progress.runs, end)
        commit = self._commit_to(end)
        commit.progress = {fields.runs_field(identity): fields.runs_value(known) for identity, known in runs.items()}
        if (await self._store.commit(commit)).applied:
            progress.watermark = end
            progress.take_runs(runs)
            self._state.recent.clear()

    async def _take(self, batch: list[StoredMessage]) -> bool:
        """Evaluate what came; tell whether to go on. New shadows learn also while nothing comes."""
        shadows = await self._own.ready(self._state.shadows, self._state.progress)
        return shadows is not None and (not batch or await self._evaluate(batch, shadows))

    async def _evaluate(self, batch: list[StoredMessage], shadows: Sequence[ShadowPolicy]) -> bool:
        """Evaluate a batch and commit it; tell whether to go on."""
        read = await read_each(self._bus, subjects.DECISIONS, self.tier, batch, read_decision)
        decisions = [decision for decision in read if decision is not None]
        known = await self._knowledge(decisions)
        groups = group_decisions(decisions)
        commit = self._commit_to(batch[-1].sequence)
        add_activity(commit.hours, decisions, int(time.time() * 1000))
        sent: list[Sent] = []
        try:
            with tracing.evaluating(self.tier, len(shadows), [message.traceparent for message in batch]):
                await self._run(shadows, groups, known, commit, sent)
                return await self._commit(batch, shadows, known, commit, sent)
        finally:
            for chunk in sent:
                chunk.forget()

    async def _run(
        self,
        shadows: Sequence[ShadowPolicy],
        groups: Sequence[DecisionGroup],
        known: NDArray[np.int64],
        commit: ShadowCommit,
        sent: list[Sent],
    ) -> None:
        """Run the shadows on a batch: fill the commit, and send the events."""
        for shadow in shadows:
            estimates = await self._own.estimates(shadow, groups, known)
            subject = subjects.shadow(shadow.spec.name, self.tier)
            for group, own in zip(groups, estimates, strict=True):
                evaluation = evaluate(shadow, group, own)
                add_decisions(commit.hours, shadow.identity, group, evaluation)
                sent += await self._writer.send(subject, encode_events(shadow, group, evaluation))
                if shadow.stateful:
                    commit.picks |= picks_of(shadow, group, evaluation)
                self._count(shadow, group, evaluation)

    async def _commit(
        self,
        batch: Sequence[StoredMessage],
        shadows: Sequence[ShadowPolicy],
        known: NDArray[np.int64],
        commit: ShadowCommit,
        sent: Sequence[Sent],
    ) -> bool:
        """Commit a batch once its events are stored; tell whether to go on."""
        progress = self._state.progress
        runs = after_batch(progress.runs, shadows, progress.watermark)
        first, commit.dropped = first_chunks(progress, commit.picks, commit.reached, self._settings.pending_decisions)
        outcomes = int(known[-1]) if len(known) else progress.outcomes
        commit.progress = {
            fields.OUTCOMES: str(outcomes),
            **{fields.runs_field(identity): fields.runs_value(after) for identity, after in runs.items()},
            **{fields.picks_field(identity): fields.picks_value(chunk) for identity, chunk in first.items()},
        }
        await self._writer.confirm(sent)
        committed = await self._store.commit(commit)
        if not committed.applied:
            log.info("tier %s: expected watermark %d, found %d", self.tier, commit.expected, committed.watermark)
            return False
        progress.watermark, progress.outcomes = commit.reached, outcomes
        progress.take_runs(runs)
        progress.take_picks(first)
        for message in batch:
            self._state.recent.add(message)
        self._state.moved.set()
        return await self._own.commit(shadows)

    async def _knowledge(self, decisions: Sequence[LoggedDecision]) -> NDArray[np.int64]:
        """Return for each decision the last outcome that it, or one before it in the log, was made with."""
        before = self._state.progress.outcomes
        told = [max(decision.event.state_watermark, 0) for decision in decisions]
        if max(told, default=0) > before:
            # Nobody can have known what is not in the log: such an event is of another log, or no replica's.
            end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
            told = [watermark if watermark <= end else 0 for watermark in told]
        known: NDArray[np.int64] = np.maximum.accumulate(np.array([before, *told], dtype=np.int64))[1:]
        return known

    def _commit_to(self, reached: int) -> ShadowCommit:
        return self._state.commit(fields.WATERMARK, self._state.progress.watermark, reached)

    def _count(self, shadow: ShadowPolicy, group: DecisionGroup, evaluation: Evaluation) -> None:
        name, good = shadow.spec.name, evaluation.distributions.good
        agreed = evaluation.candidate[good] == group.chosen[evaluation.rows[good]]
        metrics.shadow_evaluated.labels(self.tier, name).inc(len(good))
        metrics.shadow_agreed.labels(self.tier, name).inc(int(agreed.sum()))
        metrics.shadow_errors.labels(self.tier, name).inc(len(evaluation.distributions.failed))


def read_decision(message: StoredMessage, tier: str) -> LoggedDecision:
    """Decode a decision of the log, and check it.

    Raises
    ------
    MessageError
        When it is none that a replica would have written.
    """
    event = decode(event_decoder, message.data)
    check_event(event, tier)
    return LoggedDecision(str(DecisionId(tier, message.sequence, event.nonce)), message.sequence, message.at_ms, event)
