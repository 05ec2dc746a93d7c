"""Finding the decisions of rewards: at hand, in the log, or gone from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.errors import MessageError
from pointsman.runtime.bus import Bus, StoredMessage
from pointsman.shadow.sums.hour_sums import HOUR_MS
from pointsman.shadow.sums.store import HOURS_A_DAY
from pointsman_shadow_evaluator.decisions.decision_reader import read_decision
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import IDLE_S
from pointsman_shadow_evaluator.rewards.pending_reward import PendingReward, SeenOutcomes

MAX_SUMS = 400
"""Sums that one commit of rewards changes at most, of all policies, hours and days: late rewards are of many hours, and
the store serves nobody else during a commit. With fifty arms and sixteen shadows these are four hours of a day."""
OTHERS = 2
"""Sums of an hour beside those of shadows and arms: of choosing any arm, and of what the tier did."""


class DecisionLookup:
    """Finds the decisions of a tier's rewards, in the order of the rewards.

    Parameters
    ----------
    bus : Bus
    state : EvaluationState
    """

    def __init__(self, bus: Bus, state: EvaluationState) -> None:
        self._bus = bus
        self._state = state
        self._tier = state.name

    async def resolve(self, waiting: list[PendingReward], seen: SeenOutcomes) -> list[PendingReward]:
        """Return those at the front that can be joined now, with their decisions; wait a while when there is none."""
        self._state.moved.clear()
        watermark = self._state.progress.watermark
        ready = []
        for told in waiting:
            if told.event is not None and told.decision > watermark and not told.gone and not seen.has(told.event):
                break
            ready.append(told)
        if not ready:
            await self._wait_for(waiting[0])
            return []
        wanted = [told for told in ready if told.event is not None and not told.gone and told.logged is None]
        missing = []
        for told in wanted:
            message = self._state.recent.get(told.decision)
            if message is None or not self._take(told, message):
                missing.append(told)
        for again in (False, True):
            if again and missing:  # a replica of the log may be behind the others
                await asyncio.sleep(IDLE_S)
            found = await asyncio.gather(*(self._bus.get(subjects.DECISIONS, told.decision) for told in missing))
            missing = [
                told
                for told, message in zip(missing, found, strict=True)
                if message is None or not self._take(told, message)
            ]
        for told in missing:
            told.gone = True
        return of_few_hours(ready, len(self._state.shadows) + len(self._state.arms) + OTHERS)

    async def _wait_for(self, told: PendingReward) -> None:
        """Wait for decisions to be evaluated; look after a while whether this one is in the log at all."""
        try:
            async with asyncio.timeout(IDLE_S):
                await self._state.moved.wait()
        except TimeoutError:
            message = await self._bus.get(subjects.DECISIONS, told.decision)
            if message is None or not self._take(told, message):
                told.gone = True
            told.logged = None  # it may be replaced until it is evaluated

    def _take(self, told: PendingReward, message: StoredMessage) -> bool:
        """Keep a message as the decision of a reward, if it is; tell whether it is."""
        if message.subject != subjects.decision_log(self._tier):
            return False
        try:
            logged = read_decision(message, self._tier)
        except MessageError:
            return False
        if logged.event.nonce != told.nonce:
            return False  # another decision has its place: the log was put back
        told.logged = logged
        return True


def of_few_hours(ready: Sequence[PendingReward], sums_an_hour: int) -> list[PendingReward]:
    """Return those at the front whose decisions are of few hours and days, within `MAX_SUMS`; of an hour at least."""
    most = max(MAX_SUMS // sums_an_hour, 2)
    changed: set[tuple[str, int]] = set()
    for at, told in enumerate(ready):
        if told.logged is not None:
            hour = told.logged.at_ms // HOUR_MS
            changed |= {("hour", hour), ("day", hour // HOURS_A_DAY)}
            if len(changed) > most:
                return list(ready[:at])
    return list(ready)
