"""Reading one tier's rewards: each joined once with what every shadow would have done when the decision was made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, group_decisions
from pointsman.shadow.evaluation.draws import decision_keys
from pointsman.shadow.evaluation.evaluate import Hours, ShadowPolicy
from pointsman.shadow.sums import progress as fields
from pointsman.shadow.sums.hour_sums import FLOAT, HOUR_MS, comparison_identity
from pointsman.shadow.sums.reward_sums import GroupOutcomes, add_unjoined, covered, join, join_arms, join_stateless
from pointsman.shadow.sums.store import ShadowCommit, ShadowStore
from pointsman_shadow_evaluator.activity import add_earnings
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import read_each, read_on
from pointsman_shadow_evaluator.rewards.decision_lookup import DecisionLookup
from pointsman_shadow_evaluator.rewards.pending_reward import PendingReward, SeenOutcomes, read_reward

log = logger("shadow_evaluator")


class _Awaited(NamedTuple):
    """Decisions of which only picks that were kept say what a shadow would have done."""

    shadow: ShadowPolicy
    group: DecisionGroup
    outcomes: GroupOutcomes
    rows: Rows


class RewardReader:
    """Joins a tier's rewards for as long as it is run.

    It follows the stream in order, behind `DecisionReader`: a reward waits until its decision was evaluated. The
    commit compares this reader's own place in the stream, so that a reward counts once, whatever crashes.

    Parameters
    ----------
    bus : Bus
    store : Store
    state : EvaluationState
    config : Config
    """

    def __init__(self, bus: Bus, store: Store, state: EvaluationState, config: Config) -> None:
        self._bus = bus
        self._store = ShadowStore(store, state.name)
        self._state = state
        self._settings = config.shadow_evaluator
        self._finder = DecisionLookup(bus, state)
        self._seen = SeenOutcomes(0, set())
        self._outcomes_end = 0
        self._log_created = ""
        self.tier = state.name

    async def run(self) -> None:
        """Join from where the last commit was, until something says to start over."""
        if not await self._begin():
            return
        reader = LogReader(
            self._bus,
            subjects.REWARDS,
            subjects.rewards(self.tier),
            self._state.progress.rewards_at + 1,
            max_batch=self._settings.max_batch,
        )
        await read_on(reader, self.tier, metrics.shadow_reward_lag, self._take)

    async def _take(self, batch: list[StoredMessage]) -> bool:
        """Join what came, as soon as the decisions were evaluated; tell whether to go on."""
        waiting = await self._read(batch)
        while waiting:
            ready = await self._finder.resolve(waiting, self._seen)
            if ready and not await self._commit(ready):
                return False
            waiting = waiting[len(ready) :]
        return True

    async def _begin(self) -> bool:
        """Find out where to begin; tell whether nobody else is at work."""
        progress = self._state.progress
        info = await self._bus.info(subjects.REWARDS)
        self._outcomes_end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
        self._log_created = info.created
        self._seen = SeenOutcomes(progress.complete, set(progress.seen))
        position = progress.rewards_at
        if progress.rewards_log not in ("", info.created) or info.state.last_seq < position:
            log.warning("tier %s: the stream of rewards is another one; it is read from its beginning", self.tier)
            position = 0
        if self._seen.cut_at(self._outcomes_end):
            log.error("tier %s: the outcome log ends at %d; it was put back", self.tier, self._outcomes_end)
        elif position == progress.rewards_at and progress.rewards_log == info.created:
            return True
        return await self._store_progress(self._commit_to(position))

    async def _read(self, batch: list[StoredMessage]) -> list[PendingReward]:
        """Decode a batch; what cannot be read goes to the dead letters."""
        found = await read_each(self._bus, subjects.REWARDS, self.tier, batch, read_reward)
        read = [told or PendingReward(at.sequence, at.at_ms) for told, at in zip(found, batch, strict=True)]
        if max((told.event.outcome_sequence for told in read if told.event), default=0) > self._outcomes_end:
            self._outcomes_end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
        for told in read:
            if told.event is not None and told.event.outcome_sequence > self._outcomes_end:
                log.warning("tier %s: reward %d is of no outcome of the log", self.tier, told.position)
                told.event = None
        return read

    async def _commit(self, ready: list[PendingReward]) -> bool:
        """Join these and commit that; tell whether to go on."""
        fresh = [told for told in ready if told.event is not None and self._seen.add(told.event)]
        commit = self._commit_to(ready[-1].position)
        joined = [told for told in fresh if told.logged is not None]
        rewarded = [(told.logged, told.event) for told in joined if told.logged and told.event]
        add_earnings(commit.hours, rewarded, int(time.time() * 1000))
        self._count_gone(commit.hours, [told for told in fresh if told.logged is None])
        await self._join(commit, joined)
        if not await self._store_progress(commit):
            return False
        metrics.shadow_joined.labels(self.tier).inc(len(joined))
        metrics.shadow_unjoined.labels(self.tier).inc(len(fresh) - len(joined))
        return True

    async def _join(self, commit: ShadowCommit, joined: Sequence[PendingReward]) -> None:
        clip, awaited = self._settings.weight_clip, []
        for group in group_decisions([told.logged for told in joined if told.logged is not None]):
            members = [joined[place] for place in group.places.tolist()]
            outcomes = GroupOutcomes.of([told.event for told in members if told.event is not None])
            hours_of_rewards = [told.at_ms // HOUR_MS for told in members]
            for shadow in self._state.shadows:
                runs = self._state.progress.runs.get(shadow.identity, [])
                count = covered(shadow, runs, group.sequences, group.keys)
                join_stateless(commit.hours, shadow, group, outcomes, count.stateless, clip)
                if len(count.stateful):
                    awaited.append((_Awaited(shadow, group, outcomes, count.stateful), hours_of_rewards))
            join_arms(commit.hours, self._state.arms, group, outcomes, clip)
        wanted = [
            (shadow.identity, int(sequence))
            for (shadow, group, _, rows), _ in awaited
            for sequence in group.sequences[rows]
        ]
        picks = iter(await self._store.picks(wanted))
        for (shadow, group, outcomes, rows), hours_of_rewards in awaited:
            own = [next(picks) for _ in rows]
            size = len(group.names) * FLOAT.itemsize
            found = [at for at, pick in enumerate(own) if pick is not None and len(pick) == size]
            if found:
                q = np.frombuffer(b"".join([own[at] or b"" for at in found]), dtype=FLOAT).astype(np.float64)
                q = q.reshape(len(found), -1)
                join(commit.hours, shadow.identity, group, outcomes, rows[found], q, clip)
            # An empty pick says that the policy failed then, which was counted.
            lost = Counter(
                (group.slots[group.slot_of[row]].active, hours_of_rewards[row])
                for row, pick in zip(rows.tolist(), own, strict=True)
                if pick is None or len(pick) not in (0, size)
            )
            for (active, hour), number in lost.items():
                add_unjoined(commit.hours, comparison_identity(shadow.identity, active), hour, number)
        commit.used = wanted

    def _count_gone(self, hours: Hours, gone: Sequence[PendingReward]) -> None:
        """Count rewards whose decision is not in the log any more, for every shadow that was run on it.

        Which policy made the decision nobody can say, so they are with the one that is active now.
        """
        if not gone:
            return
        sequences = np.array([told.decision for told in gone], dtype=np.int64)
        keys = decision_keys([told.event.decision_id for told in gone if told.event is not None])
        for shadow in self._state.shadows:
            runs = self._state.progress.runs.get(shadow.identity, [])
            rows = np.concatenate(covered(shadow, runs, sequences, keys))
            lost = Counter(gone[row].at_ms // HOUR_MS for row in rows.tolist())
            for hour, number in lost.items():
                add_unjoined(hours, comparison_identity(shadow.identity, self._state.active), hour, number)

    def _commit_to(self, position: int) -> ShadowCommit:
        return self._state.commit(fields.REWARDS_AT, self._state.progress.rewards_at, position)

    async def _store_progress(self, commit: ShadowCommit) -> bool:
        """Commit, together with which outcomes were seen; tell whether nobody else has."""
        progress = self._state.progress
        commit.progress = {
            fields.REWARDS_LOG: self._log_created,
            fields.COMPLETE: str(self._seen.complete),
            fields.SEEN: fields.seen_value(self._seen.above),
        }
        committed = await self._store.commit(commit)
        if not committed.applied:
            log.info("tier %s: expected reward %d, found %d", self.tier, commit.expected, committed.watermark)
            return False
        progress.rewards_at, progress.rewards_log = commit.reached, self._log_created
        progress.complete, progress.seen = self._seen.complete, set(self._seen.above)
        return True
