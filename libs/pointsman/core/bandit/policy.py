"""The policy protocol: a distribution over candidates from estimates, without drawing or learning."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.errors import DistributionError
from pointsman.core.bandit.estimates import Estimates

TIE = 1e-12
"""Scores within this relative distance of the best are tied; the first candidate wins."""


@runtime_checkable
class Policy(Protocol):
    """Maps the estimates of the candidates to a probability for each.

    The decision service draws from the returned distribution, so the propensity in the log is exact for every policy,
    exploration included.

    Attributes
    ----------
    alpha: Weight of the confidence width in the reported ``ucb``; 0 for a policy without one.
    exploration: ε, the share of every distribution that is uniform over the candidates. A policy that explores in
        another way has 0 here.

    A policy may have a method ``score(estimates)`` that returns what it ranks the candidates by, shape (B, K), for
    display and for conversations that stay with their arm; otherwise that is ``mean + α·width``. A policy whose choice
    does not depend on rewards may declare ``uses_rewards = False``: the number of its decisions that await an outcome
    is then not bounded.
    """

    alpha: float
    exploration: float

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K); each row sums to 1."""
        ...


def scores(policy: Policy, estimates: Estimates) -> FloatArray:
    """Return what the policy ranks the candidates by, shape (B, K): its ``score``, or ``mean + α·width``."""
    score: Callable[[Estimates], FloatArray] | None = getattr(policy, "score", None)
    return estimates.mean + policy.alpha * estimates.width if score is None else score(estimates)


def uses_rewards(policy: Policy) -> bool:
    """Return whether the policy chooses by rewards, as all do that do not declare otherwise."""
    return bool(getattr(policy, "uses_rewards", True))


def first_best(scores: FloatArray) -> NDArray[np.intp]:
    """Return the first candidate that is tied with the best one in each row of scores (B, K), shape (B,)."""
    rows = np.arange(len(scores))
    best = scores[rows, scores.argmax(axis=1)]
    best -= TIE * np.abs(best)
    first: NDArray[np.intp] = (scores >= best[:, None]).argmax(axis=1)
    return first


def greedy(scores: FloatArray, epsilon: float) -> FloatArray:
    """Return the ε-greedy distribution of scores (B, K): ε/K for every candidate, and 1 − ε more for the best.

    ``epsilon`` is ε, 0 to 1. The result has shape (B, K).
    """
    b, k = scores.shape
    each = epsilon / k
    p = np.empty((b, k))
    p.fill(each)
    if b == 1:  # faster for the usual case, with the same result
        row = scores[0]
        best = row.item(row.argmax())
        p[0, (row >= best - TIE * abs(best)).argmax()] = each + (1.0 - epsilon)
    else:
        p[np.arange(b), first_best(scores)] = each + (1.0 - epsilon)
    return p


def check_distribution(p: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return p if each row is a distribution; for custom policies.

    Raises
    ------
    DistributionError
        When the shape is wrong, a probability is negative or not finite, or a row does not sum to 1 within 1e-9.
    """
    try:
        p = np.asarray(p, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DistributionError(f"expected an array of numbers: {error}") from error
    if p.shape != shape:
        raise DistributionError(f"expected probabilities of shape {shape}, got {p.shape}")
    if not np.isfinite(p).all() or (p < 0.0).any():
        raise DistributionError("expected finite probabilities of at least 0")
    if (np.abs(p.sum(axis=1) - 1.0) > 1e-9).any():
        raise DistributionError(f"expected probabilities that sum to 1, got {p.sum(axis=1).tolist()}")
    return p
