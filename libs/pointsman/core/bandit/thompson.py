"""Thompson sampling with linear Gaussian models: each arm with the probability that it is the best one."""

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.normal_table import normal, prepare
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import first_best
from pointsman.core.bandit.probability_of_best import probability_of_best
from pointsman.core.bounds import NonNegative, Share

NARROW = 1e-15
"""A width below this share of its mean is lost in the rounding of the mean; one below this share of the largest width
has no effect. Both are treated as 0."""

FAR_BELOW = 100.0
"""Number of standard deviations below which a normal variable is never the largest."""


class Thompson:
    """Choose each arm with the posterior probability that it is the best.

    The posterior of the reward of arm k is normal, ``score_k ~ N(mean_k, (v·width_k)²)``, independently for each arm,
    as the models are disjoint. The usual algorithm samples one score per arm and takes the highest. It chooses arm k
    with probability

        P(k is the best) = ∫ φ_k(s) Π_{j≠k} Φ_j(s) ds,

    which is computed here by quadrature to within 1e-9, so that the log contains the exact propensity.

    Arms with equal mean and width have equal probability. Arms without width (v = 0, or a context of zeros) have a
    fixed score; of those that are tied, the first candidate wins, as in every policy.

    Parameters
    ----------
    v : float
        v, the standard deviation of a reward around its mean; at least 0. The default is the largest that rewards from
        0 to 1 can have. Larger explores more.
    epsilon : float
        ε, the share of uniform exploration; 0 by default, because the policy explores by itself.

    References
    ----------
    Agrawal, Goyal: Thompson Sampling for Contextual Bandits with Linear Payoffs, ICML 2013, Algorithm 1. There all arms
    share one parameter; here each arm has its own, as in Li et al. 2010.
    """

    alpha = 0.0

    @check_arguments
    def __init__(self, v: NonNegative = 0.5, epsilon: Share = 0.0) -> None:
        self.v = float(v)
        self.exploration = float(epsilon)
        prepare()

    def score(self, estimates: Estimates) -> FloatArray:
        """Return the mean of the posterior of each candidate, shape (B, K)."""
        return estimates.mean

    def deviation(self, estimates: Estimates) -> FloatArray:
        """Return the standard deviation of the posterior of each candidate, shape (B, K)."""
        return self.v * estimates.width

    @np.errstate(over="ignore")  # a distance that overflows to infinity deviations is correct
    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        mean, deviation = self.score(estimates), self.deviation(estimates)
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


class ScaledThompson(Thompson):
    """Thompson sampling with an optimistic prior, and deviations in units of each arm's residual scale.

    The posterior of the reward of arm k is ``N(m h_k + mean_k, (v σ̂_k width_k)²)``; see `Estimates` for h and σ̂.

    Parameters
    ----------
    v : float
        v, the standard deviation of the posterior in units of σ̂·width; at least 0. Larger explores more.
    epsilon : float
        ε, the share of uniform exploration; 0 by default, because the policy explores by itself.
    prior_mean : float
        m, the expected reward of an arm without outcomes, 0 to 1.
    """

    @check_arguments
    def __init__(self, v: NonNegative = 1.0, epsilon: Share = 0.0, prior_mean: Share = 1.0) -> None:
        super().__init__(v, epsilon)
        self.prior_mean = float(prior_mean)

    def score(self, estimates: Estimates) -> FloatArray:
        """Return the mean of the posterior of each candidate, shape (B, K)."""
        return estimates.expected(self.prior_mean)

    def deviation(self, estimates: Estimates) -> FloatArray:
        """Return the standard deviation of the posterior of each candidate, shape (B, K)."""
        return self.v * estimates.deviation()


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
