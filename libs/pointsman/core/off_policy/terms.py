"""The terms of estimates: a vector of eight numbers for each decision with a known outcome."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import FloatArray

TERMS = ("one", "w", "wy", "wm", "y", "m", "gq", "gp")
"""The components of the vector, in order.

one
    1.
w
    The importance weight q(a)/p(a) of the arm that was served; clipped when a clip is given.
wy, wm
    w times the outcome y, and times the model's estimate m(a) for the arm that was served.
y, m
    The outcome itself, and the model's estimate of it.
gq, gp
    Σₖ q(k) m(k) and Σₖ p(k) m(k): the model's expectation for the shadow and for the active policy.
"""


class Terms(NamedTuple):
    """The terms of B decisions.

    Attributes
    ----------
    vectors: In the order of `TERMS`. Shape (B, 8).
    clipped: The clipped part of each weight; 0 where it was not clipped. Shape (B,).
    """

    vectors: FloatArray
    clipped: FloatArray


def importance_weights(p: FloatArray, q: FloatArray, chosen: NDArray[np.intp]) -> FloatArray:
    """Return q(a)/p(a) for the arm a that was served, shape (B,).

    Raises
    ------
    ValueError
        If p is 0 for a served arm: then the arm was not drawn from p.
    """
    rows = np.arange(len(chosen))
    served = p[rows, chosen]
    if not (served > 0).all():
        raise ValueError("p: the logged probability of the served arm must be above 0")
    weights: FloatArray = q[rows, chosen] / served
    return weights


def terms(
    p: FloatArray,
    q: FloatArray,
    chosen: NDArray[np.intp],
    outcome: FloatArray,
    model: FloatArray,
    clip: float | None = None,
) -> Terms:
    """Return the terms of B decisions over K candidates.

    Parameters
    ----------
    p, q : ndarray, shape (B, K)
        The distributions of the active policy, as logged, and of the shadow.
    chosen : ndarray, shape (B,), int
        Index of the served candidate.
    outcome : ndarray, shape (B,)
        y, in any unit.
    model : ndarray, shape (B, K)
        m, the expected outcome of each candidate, in the same unit. Doubly robust estimates are unbiased for any m that
        is a function of what was known before the decision; a good one reduces their variance.
    clip : float, optional
        The largest weight; larger ones are clipped to it, which causes a bias towards the model.

    Raises
    ------
    ValueError
        If p is 0 for a served arm.
    """
    rows = np.arange(len(chosen))
    w = importance_weights(p, q, chosen)
    cut = np.minimum(w, clip) if clip is not None else w
    m = model[rows, chosen]
    gq = np.vecdot(q, model)
    gp = np.vecdot(p, model)
    vectors = np.stack([np.ones_like(w), cut, cut * outcome, cut * m, outcome, m, gq, gp], axis=1)
    return Terms(vectors, w - cut)
