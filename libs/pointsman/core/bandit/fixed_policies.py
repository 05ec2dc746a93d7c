"""Policies that learn nothing: one arm always, the cheapest arm, all arms alike. Baselines, and useful shadows."""

from __future__ import annotations

import numpy as np

from pointsman.core.bandit.arm import Arm, FloatArray
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.policy import check_epsilon, greedy


class Static:
    """Always the same arm; the first candidate where that arm is not among them.

    Parameters
    ----------
    arm : Arm
    epsilon : float
        ε, the share of uniform exploration on top; 0 by default.
    """

    alpha = 0.0

    def __init__(self, arm: Arm, epsilon: float = 0.0) -> None:
        self.arm = arm
        self.exploration = check_epsilon(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        wanted = np.array([arm == self.arm for arm in estimates.arms], dtype=np.float64)
        return greedy(np.broadcast_to(wanted, estimates.mean.shape), self.exploration)


class Cheapest:
    """The candidate with the lowest expected cost; the first candidate while no cost is known.

    An arm of unknown cost is never preferred to one whose cost is known.

    Parameters
    ----------
    epsilon : float
        ε, the share of uniform exploration on top; 0 by default.
    """

    alpha = 0.0

    def __init__(self, epsilon: float = 0.0) -> None:
        self.exploration = check_epsilon(epsilon)

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K)."""
        cost = estimates.cost_usd
        known = np.isfinite(cost)
        dearest = np.max(cost, axis=-1, keepdims=True, initial=0.0, where=known)
        score = np.where(known, -cost, -2.0 * dearest - 1.0)
        return greedy(np.broadcast_to(score, estimates.mean.shape), self.exploration)


class Uniform:
    """Every candidate with the same probability: the control group."""

    alpha = 0.0
    exploration = 1.0

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return 1/K everywhere, shape (B, K)."""
        return np.full(estimates.mean.shape, 1.0 / estimates.mean.shape[1])
