"""LinUCB with an optimistic prior, widths in units of the residual scale, and exploration of bounded cost."""

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import TIE, first_best
from pointsman.core.bounds import NonNegative, Share

_without_warnings = np.errstate(divide="ignore", invalid="ignore", over="ignore")
"""A cost of 0 or NaN gives infinity or NaN, which `numpy.fmin` does not choose."""

MOST = 0.5
"""The largest ε of the warm-up."""


class ScaledLinUCB:
    """Choose the arm with the highest bound ``m h + θᵀx + α σ̂ √(xᵀA⁻¹x)``.

    It is LinUCB (equation 5 of Li et al. 2010) with three differences. An arm without outcomes is expected to earn the
    prior mean m, so that it is tried at once and the first arm that earns something does not keep all requests. α
    counts standard deviations of a reward around its estimate, σ̂, so that the same α suits rewards that vary little and
    rewards of 0 or 1. And exploration at random costs a bounded share of what the requests cost: arm k has at least
    the probability

        f_k = min(ε/K, φ c/(K c_k)),

    where c_k is its expected cost, and c the mean cost of the candidates' outcomes or the expected cost of the arm with
    the highest bound, if that is larger (the least cost above 0 if it is 0). The arm with the highest bound has the
    rest, 1 − Σf, in addition. While a cost is unknown, f_k is ε/K.

    Until the candidates have N outcomes, n so far, ε and φ are larger by the factor N/n, ε up to ½. A linear model that
    has seen an arm on one kind of request only can be wrong and sure about another kind; outcomes of both kinds at the
    start prevent that.

    Parameters
    ----------
    alpha : float
        α, the number of standard deviations that an estimate is raised by; at least 0.
    epsilon : float
        ε, the share of exploration at random if costs did not matter.
    cost_share : float
        φ, at least 0: exploration of K arms adds at most the share φ to the cost of the requests.
    prior_mean : float
        m, the expected reward of an arm without outcomes, 0 to 1.
    warm_up : float
        N, the number of outcomes until which there is more exploration; with 0 there is never more.

    References
    ----------
    Li, Chu, Langford, Schapire: A Contextual-Bandit Approach to Personalized News Article Recommendation, WWW 2010,
    Algorithm 1.
    """

    alpha = 0.0
    exploration = 0.0

    @check_arguments
    def __init__(
        self,
        alpha: NonNegative = 0.5,
        epsilon: Share = 0.01,
        cost_share: NonNegative = 0.05,
        prior_mean: Share = 1.0,
        warm_up: NonNegative = 1000.0,
    ) -> None:
        self.deviations = float(alpha)
        self.epsilon = float(epsilon)
        self.cost_share = float(cost_share)
        self.prior_mean = float(prior_mean)
        self.warm_up = float(warm_up)

    def score(self, estimates: Estimates) -> FloatArray:
        """Return the bound of each candidate, shape (B, K)."""
        score = self.deviations * estimates.deviation()
        score += estimates.expected(self.prior_mean)
        return score

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        score = self.score(estimates)
        if len(score) == 1:  # faster for the usual case, with the same result
            row = score[0]
            highest = row.item(row.argmax())
            best = (row >= highest - TIE * abs(highest)).argmax(keepdims=True)
        else:
            best = first_best(score)
        rows = np.arange(len(score))
        p = self._floors(estimates.cost_usd, estimates.pulls, rows, best)
        p[rows, best] += 1.0 - p.sum(axis=1)
        return p

    @_without_warnings
    def _floors(
        self, cost: FloatArray, pulls: NDArray[np.int64], rows: NDArray[np.intp], best: NDArray[np.intp]
    ) -> FloatArray:
        """Return f, shape (B, K), for costs and pulls of shape (K,) or (B, K). A cost of 0 or NaN does not bound it."""
        k = cost.shape[-1]
        reference = cost[best] if cost.ndim == 1 else cost[rows, best]
        if not reference.all():
            least = np.min(cost, axis=-1, initial=np.inf, where=cost > 0.0)
            reference = np.where(reference == 0.0, least, reference)
        n = pulls.sum(axis=-1)
        spent = np.add.reduce(pulls * cost, axis=-1, where=cost >= 0.0)
        reference = np.fmax(reference, spent / n)
        more = np.maximum(self.warm_up / np.maximum(n, 1), 1.0)
        epsilon = np.maximum(np.minimum(self.epsilon * more, MOST), self.epsilon)
        floors: FloatArray = np.fmin(
            np.atleast_1d(epsilon)[:, None] / k, (self.cost_share / k * more * reference)[:, None] / cost
        )
        return floors
