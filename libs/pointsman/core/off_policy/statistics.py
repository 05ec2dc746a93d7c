"""Additive statistics of a shadow policy's rewarded decisions, and the effect of the clip on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy.moments import LENGTH as MOMENTS_LENGTH
from pointsman.core.off_policy.moments import Moments

COUNTS = ("clipped", "clipped_mass")
LENGTH = 3 * MOMENTS_LENGTH + len(COUNTS)


@dataclass(slots=True)
class Statistics:
    """Additive statistics of rewarded decisions of one shadow policy.

    Attributes
    ----------
    reward: Moments of the reward, 0 to 1.
    quality: Moments of the quality, 0 to 1; only decisions whose outcome reported one.
    cost: Moments of the cost in US dollars; only decisions whose outcome reported one.
    clipped, clipped_mass: Number of clipped weights, and the sum of the clipped parts.
    """

    reward: Moments = field(default_factory=Moments)
    quality: Moments = field(default_factory=Moments)
    cost: Moments = field(default_factory=Moments)
    clipped: float = 0.0
    clipped_mass: float = 0.0

    def flat(self) -> FloatArray:
        """Return the statistics as one vector of `LENGTH` float64."""
        counts = np.array([self.clipped, self.clipped_mass])
        return np.concatenate([self.reward.flat(), self.quality.flat(), self.cost.flat(), counts])

    @classmethod
    def from_flat(cls, flat: FloatArray) -> Statistics:
        """Return the statistics from the result of `flat`."""
        reward, quality, cost = flat[: 3 * MOMENTS_LENGTH].reshape(3, MOMENTS_LENGTH)
        moments = Moments.from_flat
        return cls(moments(reward), moments(quality), moments(cost), float(flat[-2]), float(flat[-1]))

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of the union of two disjoint sets of decisions."""
        return Statistics(
            self.reward + other.reward,
            self.quality + other.quality,
            self.cost + other.cost,
            self.clipped + other.clipped,
            self.clipped_mass + other.clipped_mass,
        )


class Clipping(NamedTuple):
    """Effect of the clip on the estimates.

    Attributes
    ----------
    clipped: Number of clipped weights.
    mass: Σ (w − clip) over them.
    bias: The mass per decision. An estimate that weights a quantity of size at most r (the outcome for IPS, the model's
        error for DR) changed by at most r times this.
    """

    clipped: float
    mass: float
    bias: float

    @property
    def acted(self) -> bool:
        """Whether any weight was clipped."""
        return self.clipped > 0

    def words(self) -> str:
        """Return the effect as a sentence for reports."""
        if not self.acted:
            return "no weight was clipped"
        weights = "1 weight was" if self.clipped == 1 else f"{self.clipped:.0f} weights were"
        return f"{weights} clipped: estimates lean towards the model by up to {self.bias:.2g} of the outcome's range"


def clipping(statistics: Statistics) -> Clipping:
    """Return the effect of the clip on these decisions."""
    count = statistics.reward.count
    return Clipping(statistics.clipped, statistics.clipped_mass, statistics.clipped_mass / count if count else 0.0)
