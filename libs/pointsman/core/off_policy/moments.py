"""First and second moments of the terms: all that any estimate and its variance need, in 36 numbers.

Moments of disjoint sets of decisions add up, so hours, tiers and evaluators merge by adding, and an estimate costs the
same for a thousand decisions and for a billion.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy.terms import TERMS

SIZE = len(TERMS)
LENGTH = SIZE * (SIZE + 1) // 2
_UPPER = np.triu_indices(SIZE)
_PLACE = np.zeros((SIZE, SIZE), dtype=np.intp)
"""Where each entry of the matrix is in its upper triangle, row by row."""
_PLACE[_UPPER] = np.arange(LENGTH)
_PLACE = np.maximum(_PLACE, _PLACE.T)


@dataclass(slots=True)
class Moments:
    """Σ v vᵀ over the vectors of `pointsman.core.off_policy.terms`.

    The first component of each vector is 1, so the first row holds the sums themselves and its first entry the count.

    Attributes
    ----------
    matrix : ndarray, shape (8, 8)
        Symmetric.
    """

    matrix: FloatArray = field(default_factory=lambda: np.zeros((SIZE, SIZE)))

    @classmethod
    def of(cls, vectors: FloatArray) -> Moments:
        """Return the moments of B vectors, shape (B, 8)."""
        return cls(vectors.T @ vectors)

    @classmethod
    def from_flat(cls, flat: FloatArray) -> Moments:
        """Go on from what `flat` returned."""
        return cls(flat[_PLACE])

    def flat(self) -> FloatArray:
        """Return the upper triangle, row by row, shape (36,)."""
        return self.matrix[_UPPER]

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of decisions together."""
        return Moments(self.matrix + other.matrix)

    @property
    def count(self) -> float:
        """How many decisions these are."""
        return float(self.matrix[0, 0])

    def sum(self, term: str) -> float:
        """Return Σ of a term."""
        return float(self.matrix[0, TERMS.index(term)])

    def mean(self, term: str) -> float:
        """Return the mean of a term; NaN without any decision."""
        return self.sum(term) / self.count if self.count else float("nan")
