"""LinUCB with disjoint linear models (Li et al. 2010, Algorithm 1), with ε-greedy exploration on top."""

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import greedy
from pointsman.core.bounds import NonNegative, Share


class LinUCB:
    """Choose the arm with the highest upper confidence bound ``θᵀx + α √(xᵀA⁻¹x)``.

    Parameters
    ----------
    alpha : float
        α, the weight of the confidence width; at least 0.
    epsilon : float
        ε, the share of uniform exploration. The best arm has propensity 1 − ε + ε/K, every other arm ε/K.

    References
    ----------
    Li, Chu, Langford, Schapire: A Contextual-Bandit Approach to Personalized News Article Recommendation, WWW 2010,
    Algorithm 1, line 9 (equation 5).
    """

    @check_arguments
    def __init__(self, alpha: NonNegative = 1.5, epsilon: Share = 0.05) -> None:
        self.alpha = float(alpha)
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        ucb = self.alpha * estimates.width
        ucb += estimates.mean  # equation 5
        return greedy(ucb, self.exploration)
