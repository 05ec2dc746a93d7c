"""Activity of a tier over time: time windows, and the sums of the store as points and totals."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import activity
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

REWARD_SCALE = 100.0
"""Rewards are 0 to 1 in the sums, 0 to 100 in the API."""


class ActivityCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Activity in a time interval.

    Attributes
    ----------
    rewarded: Decisions with an outcome.
    reward_sum: Sum of their rewards, 0 to 100 each.
    cost_usd_sum: Sum of the reported costs, in US dollars.
    cost_n: Outcomes that report a cost.
    """

    decisions: int
    rewarded: int
    reward_sum: float
    cost_usd_sum: float
    cost_n: int


class ArmActivityView(ActivityCounts, frozen=True, kw_only=True):
    """Activity of one arm, ``provider:model``, in a time interval."""

    arm: str


class ActivityPointView(ActivityCounts, frozen=True, kw_only=True):
    """Activity of a tier in one time interval. An outcome counts in the interval of its decision.

    Attributes
    ----------
    at_ms: Start of the interval, Unix milliseconds.
    explored: Decisions by the exploring part of the policy.
    pinned: Decisions in which a conversation kept its arm.
    arms: The same by arm; only arms with decisions.
    """

    at_ms: int
    explored: int
    pinned: int
    arms: list[ArmActivityView] = []


class ActivityTotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """Activity of a tier in the whole window.

    Attributes
    ----------
    rewarded: Decisions with an outcome.
    mean_reward: 0 to 100; None before the first outcome.
    cost_usd_sum: Sum of the reported costs, in US dollars.
    mean_cost_usd: Mean of the reported costs; None before the first one.
    arms: The same by arm; the most used arm first.
    """

    decisions: int
    explored: int
    pinned: int
    rewarded: int
    mean_reward: float | None
    cost_usd_sum: float
    mean_cost_usd: float | None
    arms: list[ArmActivityView] = []


class Resolution(NamedTuple):
    """A time window and the length of its intervals.

    ``identity``: identity of the sums in the store; the step is a multiple of their unit.
    """

    window_s: int
    step_s: int
    identity: str

    @property
    def unit_ms(self) -> int:
        """Time that each of the stored sums covers."""
        return activity.SHORT[self.identity].unit_ms if self.identity in activity.SHORT else HOUR_MS

    @property
    def per_step(self) -> int:
        """Number of stored sums in one step."""
        return self.step_s * 1000 // self.unit_ms

    def units(self, now_ms: int) -> range:
        """Return the numbers of the stored sums from the first whole step of the window to now."""
        first = (now_ms - self.window_s * 1000) // (self.step_s * 1000) + 1
        return range(first * self.per_step, now_ms // self.unit_ms + 1)


WINDOWS = {
    "1h": Resolution(3600, 60, activity.MINUTES),
    "24h": Resolution(86_400, 300, activity.FIVE_MINUTES),
    "7d": Resolution(7 * 86_400, 3600, activity.HOURS),
    "30d": Resolution(30 * 86_400, 3 * 3600, activity.HOURS),
}
"""The windows that a request can name; each has at most about 300 points."""

DAY_BY_HOURS = Resolution(86_400, 3600, activity.HOURS)
"""The last day where an older version, which had no sums by 5 minutes, has evaluated a part of it."""


def activity_point(at_ms: int, sums: HourSums) -> ActivityPointView:
    """Return the activity in an interval."""
    arms = [
        ArmActivityView(
            arm=name,
            decisions=round(arm_sums.get("served", 0.0)),
            rewarded=round(arm_sums.get("joined", 0.0)),
            reward_sum=REWARD_SCALE * arm_sums.get("earned", 0.0),
            cost_usd_sum=arm_sums.get("paid", 0.0),
            cost_n=round(arm_sums.get("priced", 0.0)),
        )
        for name, arm_sums in sorted(sums.arms().items())
    ]
    return ActivityPointView(
        at_ms=at_ms,
        decisions=round(sums.counts.get(fields.DECISIONS, 0.0)),
        explored=round(sums.counts.get(activity.EXPLORED, 0.0)),
        pinned=round(sums.counts.get(activity.PINNED, 0.0)),
        rewarded=sum(arm.rewarded for arm in arms),
        reward_sum=sum(arm.reward_sum for arm in arms),
        cost_usd_sum=sum(arm.cost_usd_sum for arm in arms),
        cost_n=sum(arm.cost_n for arm in arms),
        arms=arms,
    )


def activity_totals(intervals: Iterable[HourSums]) -> ActivityTotalsView:
    """Return the activity in all intervals together."""
    counts: Counter[str] = Counter()
    for sums in intervals:
        counts.update(sums.counts)
    whole = activity_point(0, HourSums(dict(counts)))
    return ActivityTotalsView(
        decisions=whole.decisions,
        explored=whole.explored,
        pinned=whole.pinned,
        rewarded=whole.rewarded,
        mean_reward=whole.reward_sum / whole.rewarded if whole.rewarded else None,
        cost_usd_sum=whole.cost_usd_sum,
        mean_cost_usd=whole.cost_usd_sum / whole.cost_n if whole.cost_n else None,
        arms=sorted(whole.arms, key=lambda arm: (-arm.decisions, arm.arm)),
    )
