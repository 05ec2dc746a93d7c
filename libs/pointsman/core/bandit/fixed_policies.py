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

    @check_arguments
    def __init__(self, arm: Arm, epsilon: Share = 0.0) -> None:
        self.arm = arm
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        wanted = np.array([arm == self.arm for arm in estimates.arms], dtype=np.float64)
        return greedy(np.broadcast_to(wanted, estimates.mean.shape), self.exploration)


MIN_FAILURES = 10
"""Outcomes without any reward after which an arm counts as one that does not work."""


class Cheapest:
    """Choose the candidate with the lowest expected cost; the first candidate while no cost is known.

    A candidate with unknown cost is never preferred to one with known cost, and one that has earned nothing in
    `MIN_FAILURES` outcomes or more never to another: what never works is not cheap.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration; 0 by default.
    """

    alpha = 0.0

    @check_arguments
    def __init__(self, epsilon: Share = 0.0) -> None:
        self.exploration = float(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        cost = estimates.cost_usd
        known = np.isfinite(cost)
        dearest = np.max(cost, axis=-1, keepdims=True, initial=0.0, where=known)
        score = np.where(known, -cost, -2.0 * dearest - 1.0)
        # θ is exactly 0 as long as every reward is 0.
        useless = (estimates.pulls >= MIN_FAILURES) & (estimates.mean == 0.0)
        score = np.where(useless, score - 2.0 * dearest - 2.0, score)
        return greedy(np.broadcast_to(score, estimates.mean.shape), self.exploration)


class Uniform:
    """Choose every candidate with the same probability: a control group."""

    alpha = 0.0
    exploration = 1.0

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return 1/K everywhere, shape (B, K)."""
        return np.full(estimates.mean.shape, 1.0 / estimates.mean.shape[1])
