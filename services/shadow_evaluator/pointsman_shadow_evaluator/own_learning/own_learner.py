"""The A and b of a shadow that learns by its own reward rule, from the outcomes that each decision could know."""

import dataclasses
import secrets
from collections import deque

import msgspec
import numpy as np

from pointsman.contracts.messages import subjects
from pointsman.core.bandit import Arm, Estimates, Learner, RewardRule
from pointsman.core.bandit.estimates import ArmStack
from pointsman.learning.ledger import Applied, LogEntry, TierLedger, read_outcome
from pointsman.runtime.bus import Bus, BusUnavailable, LogReader, StoredMessage, StreamInfo
from pointsman.runtime.store.keys import APPLIED_CHUNK
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.own_learning.learned_store import LearnedState, LearnedStore
from pointsman.shadow.own_learning.own_rule import RULE_FIELDS

log = logger("shadow_evaluator")

READ_TIMEOUT_S = 1.0
LEARNED = ("mean", "width", "pulls", "prior", "sigma")
"""The fields of `Estimates` that depend on what was learned. Costs do not: they are those of the decision."""
_FORMAT = "2"
"""Of the stored state. One of another format is learned again from the log."""


class OwnLearner:
    """What one shadow has learned in one tier.

    It is a pure function of the outcome log and the rule. The store is never ahead of the decisions that were evaluated
    with it, so that a restart can always continue from there. Of the rule, only λ, μ and γ are used. ``max_batch``
    outcomes are read at once. The state is stored for ``keep_s`` after its last change.
    """

    def __init__(
        self, bus: Bus, store: Store, tier: str, identity: str, rule: RewardRule, *, max_batch: int, keep_s: int
    ) -> None:
        self._bus = bus
        self._store = LearnedStore(store, tier, identity)
        self._tier = tier
        self._identity = identity
        self._weights = {name: getattr(rule, name) for name in RULE_FIELDS}
        self._max_batch = max_batch
        self._keep_s = keep_s
        self._ledger = TierLedger()
        self._stack: ArmStack | None = None
        self._reader: LogReader | None = None
        self._ahead: deque[StoredMessage] = deque()
        self._unstacked: set[Arm] = set()
        self._changed: set[Arm] = set()
        self._chunks: set[int] = set()
        self._origin = ""
        self._stored = 0
        self._ended_at = 0

    async def load(self, through: int, info: StreamInfo) -> None:
        """Load the stored state; start from nothing if it is of another log or rule, or too far ahead.

        ``through`` is the last outcome that it may contain; ``info`` describes the outcome log.
        """
        rule = " ".join(f"{name}={value!r}" for name, value in self._weights.items())
        origin = f"{info.created} {rule} {_FORMAT} "
        stored = await self._store.load()
        usable = stored.origin.startswith(origin) and stored.watermark <= min(through, info.state.last_seq)
        if usable and await self._matches_log(stored):
            learner = Learner.from_state(dict(stored.arms), stored.ranges)
            self._ledger = TierLedger(
                learner=learner, watermark=stored.watermark, watermark_at_ms=stored.watermark_at_ms
            )
            self._origin, self._stored = stored.origin, stored.watermark
        else:
            if stored.origin:
                log.info("tier %s: %s learns the whole log again", self._tier, self._identity)
            await self._restart_reader(1)
            self._ledger = TierLedger()
            self._origin, self._stored = origin + secrets.token_hex(8), 0
            # Now, so that no previous applied bit can be mistaken for a new one.
            await self._store.commit(0, LearnedState(self._origin), (), self._keep_s)
        self._unstacked = set(self._ledger.learner.arms)

    async def advance(self, through: int, limit: int | None = None) -> bool:
        """Learn the log up to a sequence; return whether it was reached before ``limit`` outcomes were applied.

        Raise `BusUnavailable` if the log cannot be read, or may have changed since.
        """
        applied = 0
        while max(self._ledger.watermark, self._ended_at) < through:
            if not self._ahead and not await self._read_more():
                self._ended_at = through  # the log has no further outcome of the tier up to there
                return True
            if self._ahead[0].sequence > through:
                return True
            if limit is not None and applied >= limit:
                return False
            await self._apply(self._ahead.popleft())
            applied += 1
        return True

    def fill(self, estimates: Estimates, group: DecisionGroup, rows: slice) -> None:
        """Write what was learned (`LEARNED`) for some decisions of a group into its estimates.

        NaN if the context has another length than the learned arms.
        """
        contexts = [decision.event.context for decision in group.decisions[rows]]
        stack = self._stacked(len(contexts[0]))
        selection = stack.select(estimates.arms)
        fits = np.array([len(context) == stack.dim for context in contexts])
        estimates.pulls[rows], estimates.sigma[rows] = selection.pulls, selection.sigma
        for of in (estimates.mean, estimates.width, estimates.prior):
            of[rows] = np.nan
        if fits.any():
            fitting = np.array([context for context in contexts if len(context) == stack.dim], dtype=np.float64)
            made: Estimates = selection.estimate(fitting)
            estimates.mean[rows][fits], estimates.width[rows][fits] = made.mean, made.width
            estimates.prior[rows][fits] = made.prior

    async def commit(self) -> bool:
        """Store what was learned since the last commit; return False if another process did."""
        ledger = self._ledger
        if ledger.watermark == self._stored:
            return True
        learned = LearnedState(
            self._origin,
            ledger.watermark,
            ledger.watermark_at_ms,
            ledger.learner.state(),
            {arm: ledger.learner.arms[arm] for arm in self._changed},
            {number: ledger.bits.chunk(number) for number in self._chunks},
        )
        committed = await self._store.commit(self._stored, learned, ledger.learner.arms, self._keep_s)
        if not committed.applied:
            log.info("tier %s: %s: expected outcome %d in the store", self._tier, self._identity, self._stored)
            return False
        self._stored = ledger.watermark
        self._changed.clear()
        self._chunks.clear()
        ledger.bits.trim()
        return True

    async def close(self) -> None:
        """Close the reader of the log."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    async def _matches_log(self, stored: LearnedState) -> bool:
        """Return whether the log has the same message at the stored watermark; the reader is then after it."""
        if stored.watermark == 0:
            await self._restart_reader(1)
            return True
        await self._restart_reader(stored.watermark)
        if not await self._read_more():
            return False
        first = self._ahead.popleft()
        return (first.sequence, first.at_ms) == (stored.watermark, stored.watermark_at_ms)

    async def _read_more(self) -> bool:
        """Read more of the log into `_ahead`; return whether there was any."""
        assert self._reader is not None
        complete = False
        while not self._ahead and not complete:
            self._ahead.extend(await self._reader.next_batch(wait_s=READ_TIMEOUT_S))
            if self._reader.restarts > 0:
                raise BusUnavailable("the reader of the outcome log was restarted")
            complete = not self._ahead and await self._reader.complete_at() is not None
        return not complete

    async def _restart_reader(self, start: int) -> None:
        await self.close()
        self._ahead.clear()
        self._reader = LogReader(
            self._bus, subjects.OUTCOMES, subjects.outcomes(self._tier), start, max_batch=self._max_batch
        )

    async def _apply(self, message: StoredMessage) -> None:
        read = self._with_own_rule(read_outcome(message.subject, message.data, message.sequence, message.at_ms))
        if read.outcome is not None and read.outcome.learn:
            for number in self._ledger.bits.missing([read.outcome.decision_sequence]):
                self._ledger.bits.load(number, await self._store.applied_chunk(number))
        held = self._ledger.apply(read)
        if isinstance(held, Applied):
            changed = self._ledger.learner.take_changed()
            self._changed.update(changed)
            self._unstacked.update(changed)
            self._chunks.add(held.outcome.decision_sequence // APPLIED_CHUNK)

    def _with_own_rule(self, read: LogEntry) -> LogEntry:
        if read.outcome is None:
            return read
        rule = msgspec.structs.replace(read.outcome.rule, **self._weights)
        # The estimate is that of what the active policy has learned, so it shows no drift here.
        outcome = msgspec.structs.replace(read.outcome, rule=rule, estimate=None)
        return dataclasses.replace(read, outcome=outcome)

    def _stacked(self, dim: int) -> ArmStack:
        """Return the arms as a stack; of dimension ``dim`` if nothing was learned yet."""
        arms = self._ledger.learner.arms
        if arms:
            dim = next(iter(arms.values())).dim
        if self._stack is None or self._stack.dim != dim:
            self._stack = ArmStack(dim)
            self._unstacked = set(arms)
        for arm in self._unstacked:
            self._stack.put(arm, arms[arm])
        self._unstacked.clear()
        return self._stack
