"""Thompson sampling with linear Gaussian models: each arm with the probability that it is the best one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.errors import PolicyError
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.normal_table import normal, prepare
from pointsman.core.bandit.policy import check_epsilon, first_best
from pointsman.core.bandit.probability_of_best import probability_of_best

NARROW = 1e-15
"""A width below this share of its own mean is lost in the mean's rounding; one below this share of the widest does not
show beside it. Either counts as none."""

FAR_BELOW = 100.0
"""So many standard deviations below, a normal variable is never the largest."""


class Thompson:
    """Choose each arm with the probability that it is the best, given what is known.

    What an arm would earn is believed to be normal, ``score_k ~ N(mean_k, (v·width_k)²)``, independently for each arm,
    as disjoint models are. Sampling one score for each arm and taking the highest, as the algorithm is usually written,
    chooses arm k with probability

        P(k is the best) = ∫ φ_k(s) Π_{j≠k} Φ_j(s) ds,

    and this is computed by quadrature, to 1e-9, so that the log has the propensity itself and not an estimate of it.

    Arms of the same mean and the same width have the same probability. Arms without a width (v = 0, or
    a context of zeros) have one certain score each; a tie between such goes to the first candidate, as everywhere.

    Parameters
    ----------
    v : float
        v, the standard deviation of a reward around its mean; at least 0. The default is the largest that rewards from
        0 to 1 can have. Larger explores more.
    epsilon : float
        ε, the share of uniform exploration on top; 0 by default, because the policy explores by itself.

    References
    ----------
    Agrawal, Goyal: Thompson Sampling for Contextual Bandits with Linear Payoffs, ICML 2013, Algorithm 1. There all arms
    share one parameter; here each arm has its own, as in Li et al. 2010.
    """

    alpha = 0.0

    def __init__(self, v: float = 0.5, epsilon: float = 0.0) -> None:
        if not (math.isfinite(v) and v >= 0.0):
            raise PolicyError(f"v: expected a number of at least 0, got {v}")
        self.v = float(v)
        self.exploration = check_epsilon(epsilon)
        prepare()

    @np.errstate(over="ignore")  # means so far apart that it takes infinitely many deviations are just far apart
    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        mean, deviation = estimates.mean, self.v * estimates.width
        size = np.maximum(np.abs(mean), deviation.max(axis=1, keepdims=True))
        certain = deviation <= NARROW * size
        if not certain.any():
            p = probability_of_best(mean, deviation)
        else:
            p = np.empty_like(mean)
            some = certain.any(axis=1)
            p[some] = _among_certain(mean[some], deviation[some], certain[some])
            if not some.all():
                p[~some] = probability_of_best(mean[~some], deviation[~some])
        p /= p.sum(axis=1, keepdims=True)
        if self.exploration:
            p *= 1.0 - self.exploration
            p += self.exploration / p.shape[1]
        return p


def _among_certain(mean: FloatArray, deviation: FloatArray, certain: NDArray[np.bool_]) -> FloatArray:
    """Return the probabilities where each row has an arm with a certain score, shape (B, K); they sum to about 1.

    Only the best of those arms counts. It is the best of all when every uncertain one is below it; the uncertain ones
    share what is above it.
    """
    rows = np.arange(len(mean))
    first = first_best(np.where(certain, mean, -np.inf))
    floor = mean[rows, first]
    widest = np.max(deviation, axis=1, keepdims=True, initial=0.0, where=~certain)
    widest[widest == 0.0] = 1.0
    # The certain arms become uncertain ones that are below the floor anyway.
    mean = np.where(certain, floor[:, None] - FAR_BELOW * widest, mean)
    deviation = np.where(certain, widest, deviation)
    p = probability_of_best(mean, deviation, floor)
    p[certain] = 0.0
    below = normal((floor[:, None] - mean) / deviation).distribution
    p[rows, first] = np.multiply.reduce(below, axis=1)
    return p
