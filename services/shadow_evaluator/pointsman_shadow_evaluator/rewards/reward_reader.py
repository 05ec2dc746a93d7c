"""Reader of one tier's rewards: each is joined once with what every shadow would have done with its decision."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.imports import is_imported
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, group_decisions
from pointsman.shadow.evaluation.draws import decision_keys
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import progress as fields
from pointsman.shadow.sums.activity import add_earnings
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.hour_sums import FLOAT, UNJOINED, Hours, comparison_identity, sums_at
from pointsman.shadow.sums.reward_sums import GroupOutcomes, join, join_arms, join_stateless
from pointsman.shadow.sums.runs import covered
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import decode_batch, process_batches
from pointsman_shadow_evaluator.rewards.decision_lookup import DecisionLookup
from pointsman_shadow_evaluator.rewards.pending_reward import PendingReward, SeenOutcomes, decode_reward

log = logger("shadow_evaluator")


class _StatefulJoin(NamedTuple):
    """Decisions for which only stored picks record what a shadow would have done, with the hours of their rewards."""

    shadow: ShadowPolicy
    group: DecisionGroup
    outcomes: GroupOutcomes
    rows: Rows
    reward_hours: list[int]


class RewardReader:
    """Joins a tier's rewards.

    It follows the stream in order, behind `DecisionReader`: a reward waits until its decision was evaluated. The commit
    compares the position of this reader in the stream, so that a reward counts once, even after a crash.
    """

    def __init__(self, bus: Bus, store: Store, state: EvaluationState, config: Config) -> None:
        self._bus = bus
        self._store = ShadowStore(store, state.name)
        self._state = state
        self._settings = config.shadow_evaluator
        self._lookup = DecisionLookup(bus, state)
        self._seen = SeenOutcomes(0, set())
        self._outcomes_end = 0
        self._log_created = ""
        self.tier = state.name

    async def run(self) -> None:
        """Join from the last commit on, until a new start is required."""
        if not await self._find_start():
            return
        reader = LogReader(
            self._bus,
            subjects.REWARDS,
            subjects.rewards(self.tier),
            self._state.progress.rewards_at + 1,
            max_batch=self._settings.max_batch,
        )
        await process_batches(reader, self.tier, metrics.shadow_reward_lag, self._process)

    async def _process(self, batch: list[StoredMessage]) -> bool:
        """Join a batch as soon as its decisions were evaluated; return whether to continue."""
        waiting = await self._decode(batch)
        while waiting:
            ready = await self._lookup.resolve(waiting, self._seen)
            if ready and not await self._commit(ready):
                return False
            waiting = waiting[len(ready) :]
        return True

    async def _find_start(self) -> bool:
        """Determine the position to start from; return False if another process commits too."""
        progress = self._state.progress
        info = await self._bus.info(subjects.REWARDS)
        self._outcomes_end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
        self._log_created = info.created
        self._seen = SeenOutcomes(progress.complete, set(progress.seen))
        position = progress.rewards_at
        if progress.rewards_log not in ("", info.created) or info.state.last_seq < position:
            log.warning("tier %s: the stream of rewards was replaced; reading it from the beginning", self.tier)
            position = 0
        if self._seen.truncate(self._outcomes_end):
            end = self._outcomes_end
            log.error("tier %s: the outcome log ends at %d: an older copy was restored", self.tier, end)
        elif position == progress.rewards_at and progress.rewards_log == info.created:
            return True
        return await self._store_progress(self._new_commit(position))

    async def _decode(self, batch: list[StoredMessage]) -> list[PendingReward]:
        """Decode a batch; invalid messages become dead letters and rewards that do not count, as imported ones are."""
        decoded = await decode_batch(self._bus, subjects.REWARDS, self.tier, batch, decode_reward)
        rewards = [
            PendingReward(at.sequence, at.at_ms) if reward is None or is_imported(reward.decision) else reward
            for reward, at in zip(decoded, batch, strict=True)
        ]
        if max((reward.event.outcome_sequence for reward in rewards if reward.event), default=0) > self._outcomes_end:
            self._outcomes_end = (await self._bus.info(subjects.OUTCOMES)).state.last_seq
        for reward in rewards:
            if reward.event is not None and reward.event.outcome_sequence > self._outcomes_end:
                log.warning("tier %s: the outcome of reward %d is not in the log", self.tier, reward.position)
                reward.event = None
        return rewards

    async def _commit(self, ready: list[PendingReward]) -> bool:
        """Join rewards and commit them; return whether to continue."""
        fresh = [reward for reward in ready if reward.event is not None and self._seen.add(reward.event)]
        commit = self._new_commit(ready[-1].position)
        joined = [reward for reward in fresh if reward.logged is not None]
        rewarded = [(reward.logged, reward.event) for reward in joined if reward.logged and reward.event]
        add_earnings(commit.hours, rewarded, int(time.time() * 1000))
        self._count_lost(commit.hours, [reward for reward in fresh if reward.logged is None])
        await self._join(commit, joined)
        if not await self._store_progress(commit):
            return False
        metrics.shadow_joined.labels(self.tier).inc(len(joined))
        metrics.shadow_unjoined.labels(self.tier).inc(len(fresh) - len(joined))
        return True

    async def _join(self, commit: ShadowCommit, joined: Sequence[PendingReward]) -> None:
        clip, stateful = self._settings.weight_clip, []
        for group in group_decisions([reward.logged for reward in joined if reward.logged is not None]):
            members = [joined[place] for place in group.places.tolist()]
            outcomes = GroupOutcomes.from_events([reward.event for reward in members if reward.event is not None])
            reward_hours = [reward.at_ms // HOUR_MS for reward in members]
            for shadow in self._state.shadows:
                runs = self._state.progress.runs.get(shadow.identity, [])
                count = covered(shadow, runs, group.sequences, group.keys)
                join_stateless(commit.hours, shadow, group, outcomes, count.stateless, clip)
                if len(count.stateful):
                    stateful.append(_StatefulJoin(shadow, group, outcomes, count.stateful, reward_hours))
            join_arms(commit.hours, self._state.arms, group, outcomes, clip)
        commit.used = [
            (part.shadow.identity, int(sequence)) for part in stateful for sequence in part.group.sequences[part.rows]
        ]
        picks = iter(await self._store.picks(commit.used))
        for part in stateful:
            self._join_stateful(commit.hours, part, [next(picks) for _ in part.rows])

    def _join_stateful(self, hours: Hours, part: _StatefulJoin, picks: Sequence[bytes | None]) -> None:
        """Join decisions with the picks that were stored for them, and count those without a pick."""
        shadow, group, outcomes, rows, reward_hours = part
        size = len(group.names) * FLOAT.itemsize
        found = [at for at, pick in enumerate(picks) if pick is not None and len(pick) == size]
        if found:
            q = np.frombuffer(b"".join([picks[at] or b"" for at in found]), dtype=FLOAT).astype(np.float64)
            q = q.reshape(len(found), -1)
            join(hours, shadow.identity, group, outcomes, rows[found], q, self._settings.weight_clip)
        # An empty pick records that the policy failed, which was counted as an error.
        lost = Counter(
            (group.slots[group.slot_of[row]].active, reward_hours[row])
            for row, pick in zip(rows.tolist(), picks, strict=True)
            if pick is None or len(pick) not in (0, size)
        )
        for (active, hour), number in lost.items():
            sums_at(hours, comparison_identity(shadow.identity, active), hour).counts[UNJOINED] += number

    def _count_lost(self, hours: Hours, lost: Sequence[PendingReward]) -> None:
        """Count rewards whose decision is no longer in the log, for every shadow that was run on it.

        The policy that made the decision is unknown, so they are counted for the one that is active now.
        """
        if not lost:
            return
        sequences = np.array([reward.decision for reward in lost], dtype=np.int64)
        keys = decision_keys([reward.event.decision_id for reward in lost if reward.event is not None])
        for shadow in self._state.shadows:
            identity = comparison_identity(shadow.identity, self._state.active)
            runs = self._state.progress.runs.get(shadow.identity, [])
            rows = np.concatenate(covered(shadow, runs, sequences, keys))
            for hour, number in Counter(lost[row].at_ms // HOUR_MS for row in rows.tolist()).items():
                sums_at(hours, identity, hour).counts[UNJOINED] += number

    def _new_commit(self, position: int) -> ShadowCommit:
        return self._state.new_commit(fields.REWARDS_AT, self._state.progress.rewards_at, position)

    async def _store_progress(self, commit: ShadowCommit) -> bool:
        """Commit, together with the outcomes that were seen; return False if another process commits too."""
        progress = self._state.progress
        commit.progress = {
            fields.REWARDS_LOG: self._log_created,
            fields.COMPLETE: str(self._seen.complete),
            fields.SEEN: fields.encode_seen(self._seen.above),
        }
        committed = await self._store.commit(commit)
        if not committed.applied:
            log.info("tier %s: expected reward %d, found %d", self.tier, commit.expected, committed.watermark)
            return False
        progress.rewards_at, progress.rewards_log = commit.reached, self._log_created
        progress.complete, progress.seen = self._seen.complete, set(self._seen.above)
        return True
