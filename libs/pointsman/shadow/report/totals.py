"""The sums of many hours added up, and read back by what they are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pointsman.core.off_policy import ArmErrors, Moments, Statistics
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums, by_arm

Outcome = Literal["reward", "quality", "cost"]
"""What came of a decision: which of the statistics."""


@dataclass(slots=True)
class Totals:
    """Sums of one policy over any number of hours.

    Attributes
    ----------
    counts : dict of str to float
        By the field's name in the store.
    statistics : Statistics
        Of the decisions that have an outcome.
    """

    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    statistics: Statistics = field(default_factory=Statistics)

    @classmethod
    def of(cls, hours: Iterable[HourSums]) -> Totals:
        """Add up."""
        total = cls()
        for hour in hours:
            for name, number in hour.counts.items():
                total.counts[name] += number
            total.statistics = total.statistics + hour.statistics
        return total

    def __add__(self, other: Totals) -> Totals:
        """Return the sums of both together."""
        counts = defaultdict(float, self.counts)
        for name, number in other.counts.items():
            counts[name] += number
        return Totals(counts, self.statistics + other.statistics)

    @property
    def decisions(self) -> int:
        """How many decisions the policy was run on without an error."""
        return round(self.counts[fields.DECISIONS])

    @property
    def rewarded(self) -> int:
        """How many of them have an outcome."""
        return round(self.statistics.reward.count)

    @property
    def unsupported(self) -> float:
        """Share of the policy's choices that the active one never makes; of a fixed arm, by the rewarded decisions."""
        of = self.decisions or self.rewarded
        return self.counts[fields.UNSUPPORTED] / of if of else 0.0

    def moments(self, outcome: Outcome) -> Moments:
        """Return the moments of an outcome."""
        return {
            "reward": self.statistics.reward,
            "quality": self.statistics.quality,
            "cost": self.statistics.cost,
        }[outcome]

    def mean(self, name: str) -> float | None:
        """Return a sum per decision; None without any decision."""
        return self.counts[name] / self.decisions if self.decisions else None

    def by_arm(self, name: str) -> dict[str, float]:
        """Return the sums of a kind that is kept by arm."""
        split = ((fields.split_field(whole), number) for whole, number in self.counts.items())
        return {parts[1]: number for parts, number in split if parts[0] == name and len(parts) == 2}

    def errors(self, outcome: Outcome) -> dict[str, ArmErrors]:
        """Return what the variance of a difference is predicted from, by arm.

        The spread of the weights is summed over all decisions with an outcome. Those that told a quality or a cost
        are taken to have their share of it.
        """
        served = self.by_arm({"reward": "joined", "quality": "rated", "cost": "priced"}[outcome])
        squares = self.by_arm(f"{outcome}-square")
        share = self.moments(outcome).count / self.rewarded if self.rewarded else 1.0
        return {
            arm: ArmErrors(spread * share, served.get(arm, 0.0), squares.get(arm, 0.0))
            for arm, spread in self.by_arm("spread").items()
        }

    def pairs(self) -> dict[tuple[str, str], int]:
        """Return how often one arm was served and another drawn."""
        split = ((fields.split_field(whole), number) for whole, number in self.counts.items())
        return {(parts[1], parts[2]): round(number) for parts, number in split if parts[0] == "pair"}


SHARED = ("joined", "rated", "priced", "reward-square", "quality-square", "cost-square")
"""Sums by the arm that served. They are of the decisions and their outcomes, and the same for every policy."""


def of_fixed_arm(arm: str, own: Totals, any_arm: Totals) -> Totals:
    """Return all sums of always choosing an arm: its own, and those that are kept once for all arms.

    Of another arm the weight is 0, so that its pₖ (wₖ − 1)² is pₖ. Where the arm was a candidate of some decisions
    only, these are taken to be like all of them.

    Parameters
    ----------
    arm : str
    own : Totals
        Kept by `arm_identity`.
    any_arm : Totals
        Kept by `UNIFORM_IDENTITY`.
    """
    counts = defaultdict(float, own.counts)
    share = own.rewarded / any_arm.rewarded if any_arm.rewarded else 0.0
    for other, mass in any_arm.by_arm("active").items():
        if other != arm:
            counts[fields.spread(other)] = mass * share
    for kind in SHARED:
        for other, number in any_arm.by_arm(kind).items():
            counts[by_arm(kind, other)] = number
    return Totals(counts, own.statistics)
