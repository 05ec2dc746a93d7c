"""From the sums of minutes and hours to points in time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pointsman.shadow.sums import activity
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HOUR_MS, HourSums
from pointsman_gateway.console.views import ActivityPoint, ActivityTotals, ArmActivity

POINTS = 100.0
"""Rewards are 0 to 1 in the sums, 0 to 100 in what is shown."""


class Resolution(NamedTuple):
    """A window, and how long the stretches are that it is shown in.

    Attributes
    ----------
    window_s, step_s : int
    identity : str
        What the sums are kept by; the step is a multiple of their length.
    """

    window_s: int
    step_s: int
    identity: str

    @property
    def unit_ms(self) -> int:
        """What stretch of time each of the sums is of."""
        return activity.SHORT[self.identity].unit_ms if self.identity in activity.SHORT else HOUR_MS

    @property
    def per_step(self) -> int:
        """How many sums make one step."""
        return self.step_s * 1000 // self.unit_ms

    def units(self, now_ms: int) -> range:
        """Return the numbers of the sums from the first whole step of the window to now."""
        first = (now_ms - self.window_s * 1000) // (self.step_s * 1000) + 1
        return range(first * self.per_step, now_ms // self.unit_ms + 1)


WINDOWS = {
    "1h": Resolution(3600, 60, activity.MINUTES),
    "24h": Resolution(86_400, 300, activity.FIVES),
    "7d": Resolution(7 * 86_400, 3600, activity.HOURS),
    "30d": Resolution(30 * 86_400, 3 * 3600, activity.HOURS),
}
"""The windows that can be asked for: at most some three hundred points each."""


def activity_point(at_ms: int, sums: HourSums) -> ActivityPoint:
    """Return what is shown of some sums."""
    arms = _arms(sums)
    return ActivityPoint(
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


def activity_totals(points: Sequence[ActivityPoint]) -> ActivityTotals:
    """Return the sums of all points."""
    by_arm: dict[str, Counter[str]] = {}
    for point in points:
        for arm in point.arms:
            by_arm.setdefault(arm.arm, Counter()).update(_numbers(arm))
    rewarded = sum(point.rewarded for point in points)
    cost_sum, cost_n = sum(point.cost_usd_sum for point in points), sum(point.cost_n for point in points)
    arms = [_arm(name, numbers) for name, numbers in by_arm.items()]
    return ActivityTotals(
        decisions=sum(point.decisions for point in points),
        explored=sum(point.explored for point in points),
        pinned=sum(point.pinned for point in points),
        rewarded=rewarded,
        mean_reward=sum(point.reward_sum for point in points) / rewarded if rewarded else None,
        cost_usd_sum=cost_sum,
        mean_cost_usd=cost_sum / cost_n if cost_n else None,
        arms=sorted(arms, key=lambda arm: (-arm.decisions, arm.arm)),
    )


def _arms(sums: HourSums) -> list[ArmActivity]:
    return [
        ArmActivity(
            arm=name,
            decisions=round(of.get("served", 0.0)),
            rewarded=round(of.get("joined", 0.0)),
            reward_sum=POINTS * of.get("earned", 0.0),
            cost_usd_sum=of.get("paid", 0.0),
            cost_n=round(of.get("priced", 0.0)),
        )
        for name, of in sorted(activity.by_arm(sums).items())
    ]


def _numbers(arm: ArmActivity) -> Mapping[str, float]:
    return {name: getattr(arm, name) for name in arm.__struct_fields__ if name != "arm"}


def _arm(name: str, numbers: Mapping[str, float]) -> ArmActivity:
    return ArmActivity(
        arm=name,
        decisions=round(numbers["decisions"]),
        rewarded=round(numbers["rewarded"]),
        reward_sum=numbers["reward_sum"],
        cost_usd_sum=numbers["cost_usd_sum"],
        cost_n=round(numbers["cost_n"]),
    )
