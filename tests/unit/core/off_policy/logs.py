"""Made-up decision logs whose truth is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy import Moments, terms, weight_spread


class Log(NamedTuple):
    """Rewarded decisions: what `terms` takes."""

    p: FloatArray
    q: FloatArray
    chosen: NDArray[np.intp]
    outcome: FloatArray
    model: FloatArray

    def vectors(self, clip: float | None = None) -> FloatArray:
        return terms(*self, clip=clip).vectors

    def moments(self, clip: float | None = None) -> Moments:
        return Moments.from_vectors(self.vectors(clip))


def some_log(rng: np.random.Generator, n: int, k: int = 3) -> Log:
    """Return n decisions over k candidates, by two unlike policies that both explore."""
    p = rng.dirichlet(np.ones(k), size=n) * 0.9 + 0.1 / k
    q = rng.dirichlet(np.ones(k), size=n)
    chosen = (rng.random((n, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=k - 1)
    return Log(p, q, chosen, rng.random(n), rng.random((n, k)))


class Runs(NamedTuple):
    """R logs of n decisions each, of an ε-greedy policy and a shadow that is sure of itself.

    Attributes
    ----------
    difference : ndarray, shape (R, n)
        The doubly robust term of each decision.
    weight : ndarray, shape (R, n)
    truth : ndarray, shape (R, n)
        The mean of the expected differences up to each decision.
    largest : float
        The largest q/p.
    gap : ndarray, shape (R, n)
        gq − gp of each decision.
    spread : ndarray, shape (3, R, n)
        pₖ (wₖ − 1)² of each candidate.
    chosen : ndarray, shape (R, n)
    error : ndarray, shape (R, n)
        y − m of each.
    """

    difference: FloatArray
    weight: FloatArray
    truth: FloatArray
    largest: float
    gap: FloatArray
    spread: FloatArray
    chosen: NDArray[np.intp]
    error: FloatArray


def heavy_weight_runs(
    rng: np.random.Generator, runs: int, n: int, disagreement: float, yes_or_no: bool, epsilon: float = 0.1
) -> Runs:
    """Return logs over three arms; the first is what the active policy likes best.

    Outcomes are numbers around their mean with a model that is off by 0.2 to 0.3, or 0 and 1 with an exact model: what
    makes weighted terms as skewed as they get, to one side and to the other.
    """
    low = epsilon / 3
    p = np.array([1 - 2 * low, low, low])
    q = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    mean = np.array([0.7, 0.75, 0.5])
    model = mean if yes_or_no else mean + np.array([0.3, -0.3, 0.2])
    shape = (runs, n)
    other = (rng.random(shape) < disagreement).astype(np.intp)
    chosen = np.minimum((rng.random(shape)[..., None] > np.cumsum(p)).sum(axis=-1), 2)
    expected = mean[chosen]
    outcome = (rng.random(shape) < expected).astype(float) if yes_or_no else expected + 0.1 * (rng.random(shape) - 0.5)
    weight = q[other, chosen] / p[chosen]
    gap, error = ((q - p) @ model)[other], outcome - model[chosen]
    difference = gap + (weight - 1) * error
    spread = np.moveaxis(weight_spread(np.tile(p, (2, 1)), q)[other], -1, 0)
    truth = (1 - disagreement) * ((q[0] - p) @ mean) + disagreement * ((q[1] - p) @ mean)
    return Runs(difference, weight, np.full(shape, truth), float(1 / low), gap, spread, chosen, error)


def learning_runs(rng: np.random.Generator, runs: int, n: int, epsilon: float = 0.1) -> Runs:
    """Return logs of an active policy that learns which of three arms is best; the shadow always takes another.

    So the propensities, the model and the expected difference all follow from the outcomes before.
    """
    low = epsilon / 3
    mean = np.array([0.7, 0.6, 0.4])
    pulls = np.ones((runs, 3))
    total = np.full((runs, 3), 0.5)
    rows = np.arange(runs)
    difference, weight, expected, gap, errors = (np.empty((runs, n)) for _ in range(5))
    spread, served = np.empty((3, runs, n)), np.empty((runs, n), dtype=np.intp)
    for step in range(n):
        model = total / pulls
        p = np.full((runs, 3), low)
        p[rows, model.argmax(axis=1)] += 1 - epsilon
        chosen = np.minimum((rng.random((runs, 1)) > np.cumsum(p, axis=1)).sum(axis=1), 2)
        outcome = (rng.random(runs) < mean[chosen]).astype(float)
        w = (chosen == 1) / p[rows, chosen]
        error = outcome - model[rows, chosen]
        gap[:, step] = model[:, 1] - np.vecdot(p, model)
        difference[:, step] = gap[:, step] + (w - 1) * error
        errors[:, step], served[:, step] = error, chosen
        spread[:, :, step] = weight_spread(p, np.tile([0.0, 1.0, 0.0], (runs, 1))).T
        weight[:, step] = w
        expected[:, step] = mean[1] - p @ mean
        pulls[rows, chosen] += 1
        total[rows, chosen] += outcome
    truth = np.cumsum(expected, axis=1) / np.arange(1, n + 1)
    return Runs(difference, weight, truth, 1 / low, gap, spread, served, errors)
