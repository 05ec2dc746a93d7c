"""The variance of the doubly robust difference from what is known of every weight, not only of those that were drawn.

The weight of a decision is large where the active policy rarely goes. Until such a draw has come, the terms that were
observed do not show how far they scatter, and an interval made of their empirical variance is too narrow, however many
there are. But all that makes them scatter is known before: the distributions p and q of every decision, and by how
much the model errs on each arm, which is seen whenever the arm is served, with whatever weight.

Given a context the difference d = gq − gp + (w − 1)(y − m) scatters with Σₖ pₖ (wₖ − 1)² (yₖ − mₖ)², so over all

    Var d ≈ Var(gq − gp) + Σₖ sₖ eₖ,    sₖ = mean of pₖ (wₖ − 1)²,    eₖ = mean square error of the model on arm k,

where sₖ is a mean over all decisions, and eₖ one over the decisions that arm k served, with `PRIOR` more of the largest
possible error, so that an arm that was hardly seen counts for what it might be. (It takes how far the model is off to
have nothing to do with how large the weight is.) Reports use the larger of this and the empirical variance.

The variance of importance weights as known before any draw is what the χ² divergence between two policies measures
(Cortes, Mansour, Mohri, *Learning bounds for importance weighting*, NIPS 2010, Lemma 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy.moments import Moments
from pointsman.core.off_policy.terms import TERMS

PRIOR = 2.0
"""How many outcomes of an arm are taken to have been as wrong as can be, beside those that were seen."""


class ArmErrors(NamedTuple):
    """What adds up over decisions, by arm.

    Attributes
    ----------
    spread : float
        Σ pₖ (wₖ − 1)², over all decisions with a known outcome for which the arm was a candidate.
    served : float
        How many of them it served.
    squares : float
        Σ (y − m)² over those.
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
    """Return the variance of one term of the doubly robust difference, as predicted; NaN without any decision.

    Parameters
    ----------
    moments : Moments
        Of the outcome.
    arms : mapping of arm to ArmErrors
        Of the same decisions.
    largest : float, optional
        The largest square error there can be: 1 for outcomes and models within 0 to 1. Without one, the largest mean
        square error of any arm stands for it.
    times : float
        With so many times the decisions, all like these: what the variance will be when `PRIOR` counts for less.
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
    """Return by what factor the squared weights that were to be expected are larger than those seen; at least 1.

    The expected square of a weight is Σₖ pₖ wₖ² = 1 + Σₖ pₖ (wₖ − 1)², where the active policy can make every choice of
    the other one.
    """
    w = TERMS.index("w")
    seen = float(moments.matrix[w, w])
    expected = moments.count + sum(arm.spread for arm in arms.values())
    return max(expected / seen, 1.0) if seen > 0.0 else 1.0
