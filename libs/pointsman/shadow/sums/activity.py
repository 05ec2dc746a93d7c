"""Sums of what a tier did: decisions, rewards and costs by arm, per hour and for a while per minute and 5 minutes.

They are committed together with the report's sums, so each decision and each reward counts once. A reward is added
where its decision is, whenever it arrives.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import Hours, HourSums, arm_field, sums_at


class Retention(NamedTuple):
    """Length of the periods that some sums are over, numbered from the Unix epoch, and how long the sums are kept."""

    unit_ms: int
    kept_s: int


HOURS = "@activity"
"""Identity of the sums per hour. No policy can have this name."""
MINUTES = "@activity:minute"
FIVE_MINUTES = "@activity:5-minutes"
SHORT = {MINUTES: Retention(60_000, 2 * 3600), FIVE_MINUTES: Retention(300_000, 25 * 3600)}
"""Identities of the sums over shorter periods."""

EXPLORED = "explored"
"""Number of decisions that the exploring part of the policy drew."""
PINNED = "pinned"
"""Number of decisions in which a conversation kept its arm."""
EARNED = "earned"
"""By arm: Σ of the rewards of its decisions, 0 to 1 each."""
EARNED_SQUARES = "earned-square"
"""By arm: Σ of their squares."""
PAID = "paid"
"""By arm: Σ of the reported costs in US dollars; `hour_sums.PRICED` counts them."""
DELAYED = "delayed"
"""By arm: Σ of the seconds from a decision until its outcome was accepted."""


def is_activity(identity: str) -> bool:
    """Return whether sums are of a tier's activity and not of a policy."""
    return identity == HOURS or identity in SHORT


def add_activity(hours: Hours, decisions: Sequence[LoggedDecision], now_ms: int) -> None:
    """Add decisions, including those in which a conversation kept its arm."""
    for decision in decisions:
        event = decision.event
        served = arm_field(fields.SERVED, f"{event.provider}:{event.model}")
        for sums in _periods(hours, decision.at_ms, now_ms):
            sums.counts[fields.DECISIONS] += 1
            sums.counts[served] += 1
            if event.explored:
                sums.counts[EXPLORED] += 1
            if event.pinned:
                sums.counts[PINNED] += 1


def add_earnings(hours: Hours, rewarded: Iterable[tuple[LoggedDecision, RewardEvent]], now_ms: int) -> None:
    """Add rewards to the periods of their decisions."""
    for decision, outcome in rewarded:
        event = decision.event
        reward = outcome.reward / 100.0
        added = {fields.JOINED: 1.0, EARNED: reward, EARNED_SQUARES: reward * reward}
        if outcome.accepted_at_ms:
            added[DELAYED] = max(outcome.accepted_at_ms - event.decided_at_ms, 0) / 1000.0
        if outcome.cost_usd is not None:
            added |= {fields.PRICED: 1.0, PAID: outcome.cost_usd}
        for sums in _periods(hours, decision.at_ms, now_ms):
            for kind, number in added.items():
                sums.counts[arm_field(kind, f"{event.provider}:{event.model}")] += number


def _periods(hours: Hours, at_ms: int, now_ms: int) -> Iterator[HourSums]:
    """Yield the sums that a decision belongs to: of its hour, and of its minutes while those are kept."""
    yield sums_at(hours, HOURS, at_ms // HOUR_MS)
    for identity, retention in SHORT.items():
        if now_ms - at_ms < retention.kept_s * 1000:
            yield sums_at(hours, identity, at_ms // retention.unit_ms)
