"""ε-greedy on the posterior mean."""

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import greedy
from pointsman.core.bounds import Share


class EpsilonGreedy:
    """Choose the arm with the highest mean ``θᵀx + m h``, and with probability ε an arm at random.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 for a purely greedy policy.
    prior_mean : float
        m, the expected reward of an arm without outcomes, 0 to 1; 0 by default. With ε = 0 the first arm that earns
        something is chosen for ever unless m is above what it earns.

    References
    ----------
    Sutton, Barto: Reinforcement Learning, 2nd edition, 2018, section 2.4.
    """

    alpha = 0.0

    @check_arguments
    def __init__(self, epsilon: Share = 0.05, prior_mean: Share = 0.0) -> None:
        self.exploration = float(epsilon)
        self.prior_mean = float(prior_mean)

    def score(self, estimates: Estimates) -> FloatArray:
        """Return the expected reward of each candidate, shape (B, K)."""
        return estimates.expected(self.prior_mean)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        return greedy(self.score(estimates), self.exploration)
