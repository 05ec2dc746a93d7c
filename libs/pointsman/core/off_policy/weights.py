"""Diagnostics of importance weights: effective sample size, and the effect of the clip."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.core.off_policy.moments import Moments
from pointsman.core.off_policy.statistics import Statistics
from pointsman.core.off_policy.terms import TERMS

_W = TERMS.index("w")


def effective_sample_size(moments: Moments) -> float:
    """Return (Σ w)²/Σ w², the number of unweighted decisions that are as informative; 0 without any weight.

    It is n when all weights are equal, and near 1 when a single one dominates. Kong, *A note on importance sampling
    using standardized weights*, technical report 348, University of Chicago, 1992; Owen 2013, eq. 9.13.
    """
    squares = float(moments.matrix[_W, _W])
    return moments.sum("w") ** 2 / squares if squares > 0 else 0.0


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
