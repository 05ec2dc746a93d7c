"""Whether weights were cut, and what that may have done to the estimates."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.core.off_policy.statistics import Statistics


class Clipping(NamedTuple):
    """What the clip did.

    Attributes
    ----------
    clipped : float
        How many weights were cut.
    mass : float
        By how much in all, Σ (w − clip).
    bias : float
        The mass per decision. An estimate that weights a quantity of size at most r (the outcome for IPS, the model's
        error for DR) was moved by no more than r times this.
    """

    clipped: float
    mass: float
    bias: float

    @property
    def acted(self) -> bool:
        """Whether any weight was cut."""
        return self.clipped > 0

    def words(self) -> str:
        """Return it for a report."""
        if not self.acted:
            return "no weight was clipped"
        weights = "1 weight was" if self.clipped == 1 else f"{self.clipped:.0f} weights were"
        return f"{weights} clipped: estimates lean towards the model by up to {self.bias:.2g} of the outcome's range"


def clipping(statistics: Statistics) -> Clipping:
    """Return what the clip did to these decisions."""
    count = statistics.reward.count
    return Clipping(statistics.clipped, statistics.clipped_mass, statistics.clipped_mass / count if count else 0.0)
