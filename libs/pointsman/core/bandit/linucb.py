"""LinUCB with disjoint linear models (Li et al. 2010, Algorithm 1), with ε-greedy exploration on top."""

from __future__ import annotations

import math

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.errors import PolicyError
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.policy import check_epsilon, greedy


class LinUCB:
    """Choose the arm with the highest upper confidence bound ``θᵀx + α √(xᵀA⁻¹x)``.

    Parameters
    ----------
    alpha : float
        α, how much uncertainty is worth; at least 0.
    epsilon : float
        ε, the share of uniform exploration. The best arm's propensity is 1 − ε + ε/K, every other's is ε/K.

    References
    ----------
    Li, Chu, Langford, Schapire: A Contextual-Bandit Approach to Personalized News Article Recommendation, WWW 2010,
    Algorithm 1, line 9 (equation 5).
    """

    def __init__(self, alpha: float = 1.5, epsilon: float = 0.05) -> None:
        if not (math.isfinite(alpha) and alpha >= 0.0):
            raise PolicyError(f"alpha: expected a number of at least 0, got {alpha}")
        self.alpha = float(alpha)
        self.exploration = check_epsilon(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        ucb = self.alpha * estimates.width
        ucb += estimates.mean  # equation 5
        return greedy(ucb, self.exploration)
