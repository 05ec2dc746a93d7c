"""What one decision with a known outcome contributes to every estimate: a short vector of numbers."""

from __future__ import annotations

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
    Σₖ q(k) m(k) and Σₖ p(k) m(k): what the model expects of the shadow's and of the active policy.
"""


class Terms(NamedTuple):
    """The contributions of B decisions.

    Attributes
    ----------
    vectors : ndarray, shape (B, 8)
        In the order of `TERMS`.
    clipped : ndarray, shape (B,)
        By how much each weight was cut; 0 where the clip did not act.
    """

    vectors: FloatArray
    clipped: FloatArray


def importance_weights(p: FloatArray, q: FloatArray, chosen: NDArray[np.intp]) -> FloatArray:
    """Return q(a)/p(a) for the arm a that was served, shape (B,).

    Raises
    ------
    ValueError
        If an arm was served that p gives no chance: then p is not what the arm was drawn from.
    """
    rows = np.arange(len(chosen))
    served = p[rows, chosen]
    if not (served > 0).all():
        msg = "p: the logged probability of the served arm must be above 0"
        raise ValueError(msg)
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
    """Return the contributions of B decisions over K candidates.

    Parameters
    ----------
    p, q : ndarray, shape (B, K)
        The distributions of the active policy, as logged, and of the shadow.
    chosen : ndarray, shape (B,), int
        The candidate that was served; its logged probability is above 0.
    outcome : ndarray, shape (B,)
        y, in any unit.
    model : ndarray, shape (B, K)
        m, what was expected of each candidate when the decision was made, in the same unit. Any function of what was
        known then keeps the doubly robust estimates unbiased; a good one makes them sharp.
    clip : float, optional
        The largest weight; larger ones are cut to it, at the price of a bias towards the model.

    Raises
    ------
    ValueError
        If an arm was served that p gives no chance.
    """
    rows = np.arange(len(chosen))
    w = importance_weights(p, q, chosen)
    cut = np.minimum(w, clip) if clip is not None else w
    m = model[rows, chosen]
    gq = np.vecdot(q, model)
    gp = np.vecdot(p, model)
    vectors = np.stack([np.ones_like(w), cut, cut * outcome, cut * m, outcome, m, gq, gp], axis=1)
    return Terms(vectors, w - cut)
