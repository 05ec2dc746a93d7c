"""What a policy is: a distribution over candidates, made from estimates. It draws nothing and learns nothing."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm import FloatArray
from pointsman.core.bandit.errors import DistributionError, PolicyError
from pointsman.core.bandit.estimates import Estimates

TIE = 1e-12
"""Scores closer than this, relative to the best, are a tie; the first candidate wins it."""


@runtime_checkable
class Policy(Protocol):
    """Maps what is known about the candidates to a probability for each.

    Because the service samples the distribution that a policy returns, the propensity it logs is exact for every
    policy, exploration included.

    Attributes
    ----------
    alpha : float
        Weight of the confidence width in the score that is reported as ``ucb``; 0 for a policy that has none.
    exploration : float
        ε: the share of every distribution that is uniform over the candidates.
    """

    alpha: float
    exploration: float

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the distribution for each context, shape (B, K); each row sums to 1."""
        ...


def first_best(scores: FloatArray) -> NDArray[np.intp]:
    """Return for each row of (B, K) scores the first candidate that ties with the best."""
    rows = np.arange(len(scores))
    best = scores[rows, scores.argmax(axis=1)]
    best -= TIE * np.abs(best)
    first: NDArray[np.intp] = (scores >= best[:, None]).argmax(axis=1)
    return first


def greedy(scores: FloatArray, epsilon: float) -> FloatArray:
    """Return ε/K for every candidate and 1 − ε more for the best: the ε-greedy distribution, shape (B, K)."""
    b, k = scores.shape
    each = epsilon / k
    p = np.empty((b, k))
    p.fill(each)
    if b == 1:  # the usual case has a shorter way to the same result
        row = scores[0]
        best = row.item(row.argmax())
        p[0, (row >= best - TIE * abs(best)).argmax()] = each + (1.0 - epsilon)
    else:
        p[np.arange(b), first_best(scores)] = each + (1.0 - epsilon)
    return p


def check_epsilon(epsilon: float) -> float:
    """Return ε, or raise `PolicyError` when it is no probability."""
    if not 0.0 <= epsilon <= 1.0:
        raise PolicyError(f"epsilon: expected 0 to 1, got {epsilon}")
    return float(epsilon)


def check_distribution(p: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return p when each row is a distribution; for policies that are not ours.

    Raises
    ------
    DistributionError
        When the shape is off, a probability is negative or not finite, or a row does not sum to 1 (within 1e-9).
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
