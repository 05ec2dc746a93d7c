"""Effective sample size: how many decisions of the shadow's own the weighted ones are worth."""

from __future__ import annotations

from pointsman.core.off_policy.moments import Moments
from pointsman.core.off_policy.terms import TERMS

_W = TERMS.index("w")


def effective_sample_size(moments: Moments) -> float:
    """Return (Σ w)²/Σ w²; 0 when there is no weight.

    n when all weights are equal, near 1 when a single one carries the estimate. Kong, *A note on importance sampling
    using standardized weights*, technical report 348, University of Chicago, 1992; Owen 2013, eq. 9.13.
    """
    squares = float(moments.matrix[_W, _W])
    return moments.sum("w") ** 2 / squares if squares > 0 else 0.0
