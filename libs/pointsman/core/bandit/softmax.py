"""Softmax: probabilities in proportion to the exponential of the score."""

import numpy as np

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bounds import NonNegative, Positive, Share

DEEPEST = -800.0
"""Scores are limited to this, where the exponential is 0, so that the division cannot overflow."""


class Softmax:
    """Choose each arm with a probability in proportion to ``exp(score / temperature)``.

    The score is ``mean + m h + α·width``. Candidates with the same score have the same probability.

    Parameters
    ----------
    temperature : float
        τ, more than 0: the difference of scores, in units of reward (0 to 1), that reduces the probability to 1/e.
    alpha : float
        α, the weight of the confidence width; at least 0, and 0 by default.
    epsilon : float
        ε, the share of uniform exploration; 0 by default.
    prior_mean : float
        m, the expected reward of an arm without outcomes, 0 to 1; 0 by default.

    References
    ----------
    Sutton, Barto: Reinforcement Learning, 2nd edition, 2018, section 2.8, equation 2.11, where a
    preference is a score over τ.
    """

    @check_arguments
    def __init__(
        self,
        temperature: Positive = 0.1,
        alpha: NonNegative = 0.0,
        epsilon: Share = 0.0,
        prior_mean: Share = 0.0,
    ) -> None:
        self.temperature = float(temperature)
        self.alpha = float(alpha)
        self.exploration = float(epsilon)
        self.prior_mean = float(prior_mean)

    def score(self, estimates: Estimates) -> FloatArray:
        """Return the score of each candidate, shape (B, K)."""
        score = self.alpha * estimates.width
        score += estimates.expected(self.prior_mean)
        return score

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        p = self.score(estimates)
        p -= p.max(axis=1, keepdims=True)
        np.maximum(p, DEEPEST * self.temperature, out=p)
        p /= self.temperature
        np.exp(p, out=p)  # equation 2.11; the best has 1, so that the sum is never 0
        p /= p.sum(axis=1, keepdims=True)
        if self.exploration:
            p *= 1.0 - self.exploration
            p += self.exploration / p.shape[1]
        return p
