"""First and second moments of the terms: 36 numbers, sufficient for every estimate and its variance.

Moments of disjoint sets of decisions are additive, so hours, tiers and evaluators are merged by addition, and the cost
of an estimate does not depend on the number of decisions.
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
    matrix: Symmetric. Shape (8, 8).
    """

    matrix: FloatArray = field(default_factory=lambda: np.zeros((SIZE, SIZE)))

    @classmethod
    def from_vectors(cls, vectors: FloatArray) -> Moments:
        """Return the moments of B vectors, shape (B, 8)."""
        return cls(vectors.T @ vectors)

    @classmethod
    def from_flat(cls, flat: FloatArray) -> Moments:
        """Return the moments from the result of `flat`."""
        return cls(flat[_PLACE])

    def flat(self) -> FloatArray:
        """Return the upper triangle, row by row, shape (36,)."""
        return self.matrix[_UPPER]

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of the union of two disjoint sets of decisions."""
        return Moments(self.matrix + other.matrix)

    @property
    def count(self) -> float:
        """Number of decisions."""
        return float(self.matrix[0, 0])

    def sum(self, term: str) -> float:
        """Return the sum of a term."""
        return float(self.matrix[0, TERMS.index(term)])

    def mean(self, term: str) -> float:
        """Return the mean of a term; NaN without decisions."""
        return self.sum(term) / self.count if self.count else float("nan")


def effective_sample_size(moments: Moments) -> float:
    """Return (Σ w)²/Σ w², the number of unweighted decisions that are as informative; 0 without any weight.

    It is n when all weights are equal, and near 1 when a single one dominates. Kong, *A note on importance sampling
    using standardized weights*, technical report 348, University of Chicago, 1992; Owen 2013, eq. 9.13.
    """
    w = TERMS.index("w")
    squares = float(moments.matrix[w, w])
    return moments.sum("w") ** 2 / squares if squares > 0 else 0.0
