"""ε-greedy on the posterior mean: exploit what is believed, explore at a fixed rate."""

from __future__ import annotations

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.policy import check_epsilon, greedy


class EpsilonGreedy:
    """Choose the arm with the highest mean ``θᵀx``; any arm with probability ε.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 for a purely greedy policy.

    References
    ----------
    Sutton, Barto: Reinforcement Learning, 2nd edition, 2018, section 2.4.
    """

    alpha = 0.0

    def __init__(self, epsilon: float = 0.05) -> None:
        self.exploration = check_epsilon(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        return greedy(estimates.mean, self.exploration)
