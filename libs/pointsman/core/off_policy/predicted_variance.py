"""Predicted variance of the doubly robust difference, from all weights and not only those of the served arms.

The weight of a decision is large where the active policy rarely goes. Until such a draw occurs, the empirical variance
of the terms is too small, and so is an interval based on it, for any number of decisions. But the variance can be
predicted: the distributions p and q of every decision are known, and the model's errors on each arm are observed
whenever the arm is served, with any weight.

Given a context, the difference d = gq − gp + (w − 1)(y − m) has variance Σₖ pₖ (wₖ − 1)² (yₖ − mₖ)², so over all

    Var d ≈ Var(gq − gp) + Σₖ sₖ eₖ,    sₖ = mean of pₖ (wₖ − 1)²,    eₖ = mean square error of the model on arm k,

where sₖ is a mean over all decisions, and eₖ one over the decisions that arm k served, with `PRIOR` additional
observations of the largest possible error, so that a rarely served arm counts for what it might be. This assumes that
the model's error is independent of the weight. Reports use the larger of this and the empirical variance.

The χ² divergence between two policies measures the variance of importance weights before any draw in the same way
(Cortes, Mansour, Mohri, *Learning bounds for importance weighting*, NIPS 2010, Lemma 1).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy.moments import Moments
from pointsman.core.off_policy.terms import TERMS

PRIOR = 2.0
"""Number of outcomes per arm that are assumed to have the largest possible error, in addition to the observed ones."""


class ArmErrors(NamedTuple):
    """Additive statistics of an arm.

    Attributes
    ----------
    spread: Σ pₖ (wₖ − 1)², over all decisions with a known outcome for which the arm was a candidate.
    served: Number of these decisions that the arm served.
    squares: Σ (y − m)² over those.
    """

    spread: float
    served: float
    squares: float


def weight_spread(p: FloatArray, q: FloatArray, clip: float | None = None) -> FloatArray:
    """Return pₖ (wₖ − 1)² for every candidate of B decisions, shape (B, K); 0 where p is 0.

    Parameters
    ----------
    p, q : ndarray, shape (B, K)
    clip : float, optional
        The largest weight, as in `terms`.
    """
    w = np.divide(q, p, out=np.ones_like(q), where=p > 0.0)
    if clip is not None:
        w = np.minimum(w, clip)
    spread: FloatArray = p * (w - 1.0) ** 2
    return spread


def predicted_variance(
    moments: Moments, arms: Mapping[str, ArmErrors], largest: float | None = None, times: float = 1.0
) -> float:
    """Return the predicted variance of one term of the doubly robust difference; NaN without decisions.

    Parameters
    ----------
    moments : Moments
        Moments of the outcome.
    arms : mapping of arm to ArmErrors
        Statistics of the same decisions.
    largest : float, optional
        The largest possible square error: 1 for outcomes and models within 0 to 1. By default the largest mean square
        error of any arm.
    times : float
        Predict for this multiple of the decisions, for which `PRIOR` has less influence.
    """
    count = moments.count
    if not count:
        return float("nan")
    if largest is None:
        largest = max((arm.squares / arm.served for arm in arms.values() if arm.served), default=0.0)
    scattered = sum(
        arm.spread * (times * arm.squares + PRIOR * largest) / (times * arm.served + PRIOR)
        for arm in arms.values()
        if arm.spread
    )
    gq, gp = TERMS.index("gq"), TERMS.index("gp")
    gap = moments.matrix[0, gq] - moments.matrix[0, gp]
    square = moments.matrix[gq, gq] - 2.0 * moments.matrix[gq, gp] + moments.matrix[gp, gp]
    return max(float(square) / count - float(gap / count) ** 2, 0.0) + scattered / count


def unseen_weight(moments: Moments, arms: Mapping[str, ArmErrors]) -> float:
    """Return the ratio of the expected to the observed sum of squared weights; at least 1.

    The expected square of a weight is Σₖ pₖ wₖ² = 1 + Σₖ pₖ (wₖ − 1)², if the active policy can make every choice of
    the shadow.
    """
    w = TERMS.index("w")
    seen = float(moments.matrix[w, w])
    expected = moments.count + sum(arm.spread for arm in arms.values())
    return max(expected / seen, 1.0) if seen > 0.0 else 1.0
