"""Lookup of the decisions of rewards: among the recent decisions, or in the log."""

import asyncio
from collections.abc import Sequence

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.errors import MessageError, UnknownVersion
from pointsman.runtime.bus import Bus, StoredMessage
from pointsman.shadow.periods import HOUR_MS, HOURS_PER_DAY
from pointsman_shadow_evaluator.decisions.decision_reader import decode_decision
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import IDLE_INTERVAL_S
from pointsman_shadow_evaluator.rewards.pending_reward import PendingReward, SeenOutcomes

MAX_SUMS = 400
"""Maximum number of sums that one commit of rewards changes, over all policies, hours and days: late rewards are of
many hours, and a commit blocks the store. With fifty arms and sixteen shadows, these are four hours of a day."""
COMMON_SUMS = 2
"""Sums of an hour besides those of shadows and arms: of the uniform choice, and of the tier's activity."""


class DecisionLookup:
    """Finds the decisions of a tier's rewards, in the order of the rewards."""

    def __init__(self, bus: Bus, state: EvaluationState) -> None:
        self._bus = bus
        self._state = state
        self._tier = state.name

    async def resolve(self, waiting: list[PendingReward], seen: SeenOutcomes) -> list[PendingReward]:
        """Return the first rewards that can be joined now, with their decisions; wait a while if there are none."""
        self._state.moved.clear()
        watermark = self._state.progress.watermark
        ready = []
        for reward in waiting:
            pending = reward.event is not None and reward.decision > watermark and not reward.lost
            if pending and reward.event is not None and not seen.has(reward.event):
                break
            ready.append(reward)
        if not ready:
            await self._wait_for(waiting[0])
            return []
        missing = []
        for reward in ready:
            if reward.event is not None and not reward.lost and reward.logged is None:
                message = self._state.recent.get(reward.decision)
                if not self._accept(reward, message):
                    missing.append(reward)
        found = await asyncio.gather(*(self._bus.get(subjects.DECISIONS, reward.decision) for reward in missing))
        for reward, message in zip(missing, found, strict=True):
            reward.lost = not self._accept(reward, message)
        return of_few_hours(ready, len(self._state.shadows) + len(self._state.arms) + COMMON_SUMS)

    async def _wait_for(self, reward: PendingReward) -> None:
        """Wait until decisions are evaluated; after a while, check whether this one is in the log at all."""
        try:
            async with asyncio.timeout(IDLE_INTERVAL_S):
                await self._state.moved.wait()
        except TimeoutError:
            if not self._accept(reward, await self._bus.get(subjects.DECISIONS, reward.decision)):
                reward.lost = True
            reward.logged = None  # the message may be replaced before it is evaluated

    def _accept(self, reward: PendingReward, message: StoredMessage | None) -> bool:
        """Set the decision of a reward if the message is that decision; return whether it is."""
        if message is None or message.subject != subjects.decision_log(self._tier):
            return False
        try:
            logged = decode_decision(message, self._tier)
        except UnknownVersion:
            raise
        except MessageError:
            return False
        if logged.event.nonce != reward.nonce:
            return False  # another decision has this sequence: the log was restored from an older copy
        reward.logged = logged
        return True


def of_few_hours(ready: Sequence[PendingReward], sums_per_hour: int) -> list[PendingReward]:
    """Return the first rewards whose decisions are of few hours and days, within `MAX_SUMS`; of at least one hour."""
    most = max(MAX_SUMS // sums_per_hour, 2)
    changed: set[tuple[str, int]] = set()
    for at, reward in enumerate(ready):
        if reward.logged is not None:
            hour = reward.logged.at_ms // HOUR_MS
            changed |= {("hour", hour), ("day", hour // HOURS_PER_DAY)}
            if len(changed) > most:
                return list(ready[:at])
    return list(ready)
