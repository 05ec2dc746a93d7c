"""What is kept of a shadow policy's rewarded decisions: the moments of three outcomes, in one vector that adds up."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    reward : Moments
        Of the reward, 0 to 1.
    quality : Moments
        Of the quality, 0 to 1; only of decisions whose outcome told one.
    cost : Moments
        Of the cost in US dollars; only of decisions whose outcome told one.
    clipped, clipped_mass : float
        How many weights were cut, and by how much in all.
    """

    reward: Moments = field(default_factory=Moments)
    quality: Moments = field(default_factory=Moments)
    cost: Moments = field(default_factory=Moments)
    clipped: float = 0.0
    clipped_mass: float = 0.0

    def flat(self) -> FloatArray:
        """Return everything as one vector of `LENGTH` float64."""
        counts = np.array([self.clipped, self.clipped_mass])
        return np.concatenate([self.reward.flat(), self.quality.flat(), self.cost.flat(), counts])

    @classmethod
    def from_flat(cls, flat: FloatArray) -> Statistics:
        """Go on from what `flat` returned."""
        reward, quality, cost = flat[: 3 * MOMENTS_LENGTH].reshape(3, MOMENTS_LENGTH)
        moments = Moments.from_flat
        return cls(moments(reward), moments(quality), moments(cost), float(flat[-2]), float(flat[-1]))

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of both sets of decisions together."""
        return Statistics(
            self.reward + other.reward,
            self.quality + other.quality,
            self.cost + other.cost,
            self.clipped + other.clipped,
            self.clipped_mass + other.clipped_mass,
        )
