"""Policies that do not use rewards: one fixed arm, the cheapest arm, all arms alike. Baselines and useful shadows."""

import numpy as np

from pointsman.core.bandit.arm import Arm
from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.parameters import check_arguments
from pointsman.core.bandit.policy import greedy
from pointsman.core.bounds import Share


class Static:
    """Choose one fixed arm; the first candidate if that arm is not a candidate.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 by default.
    """

    alpha = 0.0
    uses_rewards = False

    @check_arguments
    def __init__(self, arm: Arm, epsilon: Share = 0.0) -> None:
        self.arm = arm
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        wanted = np.array([arm == self.arm for arm in estimates.arms], dtype=np.float64)
        return greedy(np.broadcast_to(wanted, estimates.mean.shape), self.exploration)


JUDGED_AFTER_OUTCOMES = 10
"""Outcomes before which no arm counts as one that does not work."""
WORKING_SHARE = 0.1
"""An arm that is expected to earn less than this share of the best candidate's reward does not work."""


class Cheapest:
    """Choose the candidate with the lowest expected cost; the first candidate while no cost is known.

    A candidate with unknown cost is never preferred to one with known cost, and one that does not work never to
    another: what hardly ever works is not cheap. An arm does not work for a context if `JUDGED_AFTER_OUTCOMES` or more
    show that it earns less than `WORKING_SHARE` of what another may earn: its estimate, one standard deviation above
    it, is compared with the highest estimate. All are optimistic, with a prior mean of 1, so that an arm that fails
    does not count as the best one because the others have no outcomes.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 by default.
    """

    alpha = 0.0
    uses_rewards = False

    @check_arguments
    def __init__(self, epsilon: Share = 0.0) -> None:
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        cost = estimates.cost_usd
        known = np.isfinite(cost)
        dearest = np.max(cost, axis=-1, keepdims=True, initial=0.0, where=known)
        score = np.where(known, -cost, -2.0 * dearest - 1.0)
        # Failures alone: θ is exactly 0 as long as every reward is 0.
        expected = estimates.expected(1.0)
        best = expected.max(axis=-1, keepdims=True)
        fails = (expected + estimates.deviation() < WORKING_SHARE * best) | (estimates.mean == 0.0)
        useless = (estimates.pulls >= JUDGED_AFTER_OUTCOMES) & fails
        score = np.where(useless, score - 2.0 * dearest - 2.0, score)
        return greedy(np.broadcast_to(score, estimates.mean.shape), self.exploration)


class Uniform:
    """Choose every candidate with the same probability: a control group."""

    alpha = 0.0
    uses_rewards = False
    exploration = 1.0

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return 1/K everywhere, shape (B, K)."""
        return np.full(estimates.mean.shape, 1.0 / estimates.mean.shape[1])
