"""Softmax: every candidate in proportion to the exponential of its score."""

from __future__ import annotations

import math

import numpy as np

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.errors import PolicyError
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.policy import check_epsilon

DEEPEST = -800.0
"""Below this the exponential is 0; it is not computed, so that no division overflows."""


class Softmax:
    """Choose each arm with a probability in proportion to ``exp(score / temperature)``.

    The score is ``mean + α·width``. Candidates with the same score have the same probability.

    Parameters
    ----------
    temperature : float
        τ, above 0: how much worse, in reward of 0 to 1, a score must be to have 1/e of the probability.
    alpha : float
        α, how much uncertainty is worth; at least 0, and 0 by default.
    epsilon : float
        ε, the share of uniform exploration on top; 0 by default.

    References
    ----------
    Sutton, Barto: Reinforcement Learning, 2nd edition, 2018, section 2.8, equation 2.11, where a
    preference is a score over τ.
    """

    def __init__(self, temperature: float = 0.1, alpha: float = 0.0, epsilon: float = 0.0) -> None:
        if not (math.isfinite(temperature) and temperature > 0.0):
            raise PolicyError(f"temperature: expected a number above 0, got {temperature}")
        if not (math.isfinite(alpha) and alpha >= 0.0):
            raise PolicyError(f"alpha: expected a number of at least 0, got {alpha}")
        self.temperature = float(temperature)
        self.alpha = float(alpha)
        self.exploration = check_epsilon(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        p = self.alpha * estimates.width
        p += estimates.mean
        p -= p.max(axis=1, keepdims=True)
        np.maximum(p, DEEPEST * self.temperature, out=p)
        p /= self.temperature
        np.exp(p, out=p)  # equation 2.11; the best has 1, so that the sum is never 0
        p /= p.sum(axis=1, keepdims=True)
        if self.exploration:
            p *= 1.0 - self.exploration
            p += self.exploration / p.shape[1]
        return p
