"""What the shadow report is made of: the sums of one policy over one hour, and the names of their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pointsman.core.off_policy import Statistics
from pointsman.core.off_policy.statistics import LENGTH

HOUR_MS = 3_600_000

DECISIONS = "decisions"
"""Decisions that the policy was run on without an error."""
AGREED = "agreed"
"""Decisions in which its draw was the arm that was served."""
ERRORS = "errors"
"""Decisions on which it raised, or returned what is no distribution; they are in no other sum."""
AGREEMENT = "agreement"
"""Σ Σₖ p(k) q(k): how often two independent draws would agree."""
GAIN = "gain"
"""Σ (Σₖ q(k) m(k) − Σₖ p(k) m(k)): by how much the model expects the policy to be better, 0 to 1 each."""
UNSUPPORTED = "unsupported"
"""Σ of the probability that the policy gives to candidates that could not have been served."""
UNJOINED = "unjoined"
"""Rewards that came too late: the decision, or the pick that was kept for it, is gone. By the hour of the reward."""

MOMENTS = "moments"
BOUND = "bound"
_MOMENTS, _BOUND = MOMENTS.encode(), BOUND.encode()
_NO_COUNT = frozenset((_MOMENTS, _BOUND))
FLOAT = np.dtype("<f8")
_TAB = "\t"  # in no arm's name: those are printable


def active_mass(arm: str) -> str:
    """Field: sum of the probabilities that the active policy gave an arm (``provider:model``)."""
    return f"active{_TAB}{arm}"


def shadow_mass(arm: str) -> str:
    """Field: sum of the probabilities that the shadow policy gave an arm."""
    return f"shadow{_TAB}{arm}"


def pair(active: str, shadow: str) -> str:
    """Field: how often one arm was served where the shadow drew another."""
    return f"pair{_TAB}{active}{_TAB}{shadow}"


def served(arm: str) -> str:
    """Field: decisions that were served by an arm."""
    return f"served{_TAB}{arm}"


def joined(arm: str) -> str:
    """Field: those of them whose reward has come."""
    return f"joined{_TAB}{arm}"


def gained(arm: str) -> str:
    """Field: over those, the sum of the estimated differences in reward to the active policy, 0 to 1 each."""
    return f"gained{_TAB}{arm}"


def spread(arm: str) -> str:
    """Field: over decisions whose reward has come, the sum of an arm's pₖ (wₖ − 1)²; see `predicted_variance`."""
    return f"spread{_TAB}{arm}"


def square(outcome: str, arm: str) -> str:
    """Field: over those that an arm served, the sum of (y − m)² of an outcome: ``reward``, ``quality`` or ``cost``."""
    return f"{outcome}-square{_TAB}{arm}"


def rated(arm: str) -> str:
    """Field: how many of those told a quality."""
    return f"rated{_TAB}{arm}"


def priced(arm: str) -> str:
    """Field: how many of those told their cost."""
    return f"priced{_TAB}{arm}"


def by_arm(kind: str, arm: str) -> str:
    """Field: any of the sums that are split by arm."""
    return f"{kind}{_TAB}{arm}"


def split_field(name: str) -> list[str]:
    """Take a field's name apart again."""
    return name.split(_TAB)


UNIFORM_IDENTITY = "@uniform"
"""What the statistics of choosing any candidate, all alike, are kept by. No policy can be called so."""


def arm_identity(arm: str) -> str:
    """Return what the statistics of always choosing an arm are kept by. No policy can be called so."""
    return f"@arm:{arm}"


def comparison_identity(identity: str, active: str) -> str:
    """Return what the statistics are kept by that compare a policy with an active one.

    Every figure is a difference to the active policy, or weighted by its probabilities: after a switch it is another
    comparison, with sums of its own.

    Parameters
    ----------
    identity : str
        `PolicySpec.identity`, or `arm_identity` of an arm.
    active : str
        `PolicySpec.identity` of the active policy; empty for decisions of an older Pointsman, which did not log it.
    """
    return f"{identity}:{active}" if active else identity


@dataclass(slots=True)
class HourSums:
    """Sums of one policy over an hour, or over many: they add up.

    The decisions are those that the log took in that hour. A reward is added to its decision's hour, whenever it comes.

    Attributes
    ----------
    counts : dict of str to float
        By the names above.
    statistics : Statistics
        Of the decisions whose reward has come.
    bound : float
        The largest importance weight that any of those could have had, whatever had been served; 0 before the first.
    """

    counts: dict[str, float] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=Statistics)
    bound: float = 0.0

    def __add__(self, other: HourSums) -> HourSums:
        """Return the sums of both hours together."""
        counts = Counter(self.counts)
        counts.update(other.counts)
        return HourSums(dict(counts), self.statistics + other.statistics, max(self.bound, other.bound))

    @property
    def joined(self) -> int:
        """How many rewards are in the statistics."""
        return round(self.statistics.reward.count)

    def packed(self) -> bytes:
        """Return the statistics as they are in the store; empty when there are none."""
        return self.statistics.flat().astype(FLOAT, copy=False).tobytes() if self.statistics.reward.count else b""

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> HourSums:
        """Read the fields of an hour's hash. Statistics of another length are another version's, and are left out."""
        moments = np.frombuffer(fields.get(_MOMENTS, b""), dtype=FLOAT).astype(np.float64)
        statistics = Statistics.from_flat(moments) if len(moments) == LENGTH else Statistics()
        counts = {name.decode(): float(value) for name, value in fields.items() if name not in _NO_COUNT}
        return cls(counts, statistics, float(fields.get(_BOUND, b"0")))
