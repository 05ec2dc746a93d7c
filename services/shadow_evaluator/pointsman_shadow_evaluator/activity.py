"""Adding up what a tier did, by hour and by shorter stretches. Pure: no I/O, and the only clock is the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.evaluation.evaluate import Hours, sums_of
from pointsman.shadow.sums import activity
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HOUR_MS, HourSums


def add_activity(hours: Hours, decisions: Sequence[LoggedDecision], now_ms: int) -> None:
    """Add decisions, also those in which a conversation stayed with its arm."""
    for decision in decisions:
        event = decision.event
        arm = f"{event.provider}:{event.model}"
        for sums in _sums(hours, decision.at_ms, now_ms):
            sums.counts[fields.DECISIONS] += 1
            sums.counts[fields.served(arm)] += 1
            if event.explored:
                sums.counts[activity.EXPLORED] += 1
            if event.pinned:
                sums.counts[activity.PINNED] += 1


def add_earnings(hours: Hours, rewarded: Iterable[tuple[LoggedDecision, RewardEvent]], now_ms: int) -> None:
    """Add rewards where their decisions are."""
    for decision, told in rewarded:
        event = decision.event
        arm = f"{event.provider}:{event.model}"
        reward = told.reward / 100.0
        for sums in _sums(hours, decision.at_ms, now_ms):
            sums.counts[fields.joined(arm)] += 1
            sums.counts[activity.earned(arm)] += reward
            sums.counts[activity.earned_squares(arm)] += reward * reward
            if told.accepted_at_ms:
                sums.counts[activity.delayed(arm)] += max(told.accepted_at_ms - event.decided_at_ms, 0) / 1000.0
            if told.cost_usd is not None:
                sums.counts[fields.priced(arm)] += 1
                sums.counts[activity.paid(arm)] += told.cost_usd


def _sums(hours: Hours, at_ms: int, now_ms: int) -> Iterator[HourSums]:
    """Return the sums that a decision belongs to: of its hour, and of its minutes while those are kept."""
    yield sums_of(hours, (activity.HOURS, at_ms // HOUR_MS))
    for identity, short in activity.SHORT.items():
        if now_ms - at_ms < short.kept_s * 1000:
            yield sums_of(hours, (identity, at_ms // short.unit_ms))
