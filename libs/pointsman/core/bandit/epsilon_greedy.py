"""ε-greedy on the posterior mean."""

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import greedy
from pointsman.core.bounds import Share


class EpsilonGreedy:
    """Choose the arm with the highest mean ``θᵀx``, and with probability ε an arm at random.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 for a purely greedy policy.

    References
    ----------
    Sutton, Barto: Reinforcement Learning, 2nd edition, 2018, section 2.4.
    """

    alpha = 0.0

    @check_arguments
    def __init__(self, epsilon: Share = 0.05) -> None:
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        return greedy(estimates.mean, self.exploration)
