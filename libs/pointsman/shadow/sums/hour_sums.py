"""The sums of one policy over one or more hours, and the names of their fields in the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pointsman.core.off_policy import ArmErrors, Moments, Statistics
from pointsman.core.off_policy.statistics import LENGTH

Outcome = Literal["reward", "quality", "cost"]
"""What is known about a decision afterwards; each has statistics of its own."""

DECISIONS = "decisions"
"""Number of decisions that the policy was run on without an error."""
AGREED = "agreed"
"""Number of decisions in which the policy drew the arm that was served."""
ERRORS = "errors"
"""Number of decisions on which the policy raised or returned no distribution; no other sum includes them."""
AGREEMENT = "agreement"
"""Σ Σₖ p(k) q(k): the expected number of decisions in which two independent draws agree."""
GAIN = "gain"
"""Σ (Σₖ q(k) m(k) − Σₖ p(k) m(k)): the gain in reward that the logged estimates predict, 0 to 1 per decision."""
UNSUPPORTED = "unsupported"
"""Σ of the probability that the policy gives to candidates that the active policy could not have served."""
UNJOINED = "unjoined"
"""Number of rewards whose decision, or the pick stored for it, no longer exists; by the hour of the reward."""

ACTIVE = "active"
"""By arm: Σ of the probabilities that the active policy gave it."""
SHADOW = "shadow"
"""By arm: Σ of the probabilities that the shadow policy gave it."""
SERVED = "served"
"""By arm: number of decisions that it served."""
JOINED = "joined"
"""By arm: number of decisions that it served and that have a reward."""
GAINED = "gained"
"""By arm: over the joined decisions, Σ of the estimated difference in reward to the active policy, 0 to 1 each."""
SPREAD = "spread"
"""By arm: over all decisions with a reward, Σ pₖ (wₖ − 1)²; see `predicted_variance`."""
RATED = "rated"
"""By arm: number of joined decisions whose quality is reported."""
PRICED = "priced"
"""By arm: number of joined decisions whose cost is reported."""
SILENT = "silent"
"""By arm: number of priced decisions at which the arm had outcomes, and none of them had reported a cost."""
FIRST = "first"
"""By arm: number of decisions with a reward in which its estimate was the highest. An estimate is raised by what is not
known of it yet: it is that of the prior mean 1, the highest reward."""
MISSED = "missed"
"""By arm: over the same decisions, Σ of the highest estimate less its own, 0 to 1 each."""

_PAIR = "pair"
_MOMENTS, _BOUND = b"moments", b"bound"
FLOAT = np.dtype("<f8")
_TAB = "\t"  # separates the parts of a field; names of arms contain printable characters only

UNIFORM_IDENTITY = "@uniform"
"""Identity of choosing uniformly among the candidates. No policy can have this name."""


def arm_field(kind: str, arm: str) -> str:
    """Return the field of a sum by arm, such as `SERVED`, for the arm ``provider:model``."""
    return f"{kind}{_TAB}{arm}"


def square(outcome: Outcome) -> str:
    """Return the kind of the sum by arm of (y − m)² over the outcomes of decisions that it served."""
    return f"{outcome}-square"


def pair_field(served: str, drawn: str) -> str:
    """Return the field that counts the decisions in which one arm was served and the shadow drew another."""
    return f"{_PAIR}{_TAB}{served}{_TAB}{drawn}"


def split_field(name: str) -> list[str]:
    """Split the name of a field into its parts: the kind, and the arms."""
    return name.split(_TAB)


def arm_identity(arm: str) -> str:
    """Return the identity of always choosing an arm. No policy can have this name."""
    return f"@arm:{arm}"


def comparison_identity(identity: str, active: str) -> str:
    """Return the identity of the sums that compare a policy with an active one.

    Every sum is a difference to the active policy or weighted by its probabilities. So another active policy is
    another comparison, with sums of its own. ``identity`` is that of a `PolicySpec`, or the `arm_identity` of an arm;
    ``active`` is empty for decisions that a version logged without it.
    """
    return f"{identity}:{active}" if active else identity


@dataclass(slots=True)
class HourSums:
    """Sums of one policy over one or more hours; they can be added.

    A decision belongs to the hour in which the log stored it. A reward is added to the hour of its decision.

    Attributes
    ----------
    counts: Sum of each field.
    statistics: Over the decisions that have a reward.
    bound: The largest importance weight that any of those decisions could have had, whichever arm was served; 0 for
        none.
    """

    counts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    statistics: Statistics = field(default_factory=Statistics)
    bound: float = 0.0

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> HourSums:
        """Parse the fields of a stored hash. Moments of another length are of another version and are ignored."""
        moments = np.frombuffer(fields.get(_MOMENTS, b""), dtype=FLOAT).astype(np.float64)
        statistics = Statistics.from_flat(moments) if len(moments) == LENGTH else Statistics()
        counts = {name.decode(): float(value) for name, value in fields.items() if name not in (_MOMENTS, _BOUND)}
        return cls(counts, statistics, float(fields.get(_BOUND, b"0")))

    def packed_moments(self) -> bytes:
        """Return the statistics as stored; empty if there are none."""
        return self.statistics.flat().astype(FLOAT, copy=False).tobytes() if self.statistics.reward.count else b""

    def __add__(self, other: HourSums) -> HourSums:
        """Return the sums of both together."""
        counts = Counter(self.counts)
        counts.update(other.counts)
        return HourSums(dict(counts), self.statistics + other.statistics, max(self.bound, other.bound))

    def add_by_arm(self, kind: str, arms: Iterable[str], numbers: NDArray[Any]) -> None:
        """Add one number per arm, shape (K,), to a sum by arm."""
        for arm, number in zip(arms, numbers.tolist(), strict=True):
            if number:
                self.counts[arm_field(kind, arm)] += number

    def count(self, name: str) -> float:
        """Return the sum of a field; 0 if it is absent."""
        return self.counts.get(name, 0.0)

    def mean(self, name: str) -> float | None:
        """Return the sum of a field per decision; None without a decision."""
        return self.count(name) / self.decisions if self.decisions else None

    @property
    def decisions(self) -> int:
        """Number of decisions that the policy was run on without an error."""
        return round(self.count(DECISIONS))

    @property
    def rewarded(self) -> int:
        """Number of decisions that have a reward."""
        return round(self.statistics.reward.count)

    @property
    def unsupported(self) -> float:
        """Share of the policy's choices that the active one never makes; for a fixed arm, of the rewarded decisions."""
        decisions = self.decisions or self.rewarded
        return self.count(UNSUPPORTED) / decisions if decisions else 0.0

    def by_arm(self, kind: str) -> dict[str, float]:
        """Return a sum by arm."""
        return {arm: sums[kind] for arm, sums in self.arms().items() if kind in sums}

    def arms(self) -> dict[str, dict[str, float]]:
        """Return the sums by arm of each arm, by kind."""
        arms: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for name, number in self.counts.items():
            match split_field(name):
                case kind, arm:
                    arms[arm][kind] = number
        return dict(arms)

    def pairs(self) -> dict[tuple[str, str], int]:
        """Return how often one arm was served and the shadow drew another."""
        split = ((split_field(name), number) for name, number in self.counts.items())
        return {(parts[1], parts[2]): round(number) for parts, number in split if parts[0] == _PAIR}

    def moments(self, outcome: Outcome) -> Moments:
        """Return the moments of an outcome."""
        moments: Moments = getattr(self.statistics, outcome)
        return moments

    def arm_errors(self, outcome: Outcome) -> dict[str, ArmErrors]:
        """Return the inputs of `predicted_variance`, by arm.

        The spread of the weights is summed over all decisions with a reward. Those whose quality or cost is reported
        are assumed to have a proportional part of it.
        """
        served, squares = {"reward": JOINED, "quality": RATED, "cost": PRICED}[outcome], square(outcome)
        share = self.moments(outcome).count / self.rewarded if self.rewarded else 1.0
        return {
            arm: ArmErrors(sums[SPREAD] * share, sums.get(served, 0.0), sums.get(squares, 0.0))
            for arm, sums in self.arms().items()
            if SPREAD in sums
        }


Hours = dict[tuple[str, int], HourSums]
"""What a batch adds, by the identity of the sums and the hour."""


def sums_at(hours: Hours, identity: str, hour: int) -> HourSums:
    """Return the sums of an identity and an hour; create them if they do not exist."""
    sums = hours.get((identity, hour))
    if sums is None:
        sums = hours[identity, hour] = HourSums()
    return sums


def add_up(parts: Iterable[HourSums]) -> HourSums:
    """Add up."""
    return reduce(add, parts, HourSums())
