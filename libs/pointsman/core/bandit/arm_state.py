"""The learned state of one arm: the sufficient statistics of a ridge regression of reward on context."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pointsman.core.bandit.drift.monitor import DriftMonitor

FloatArray = NDArray[np.float64]

ONE, REWARD, QUALITY, COST, LATENCY = range(5)
"""Rows of the outcome part of an arm's Gram matrix, counted from d."""
PARTS = 5


class OutcomeParts(NamedTuple):
    """The parts of a reward, each 0 to 1; cost and latency are normalised, and 0 where they are not known."""

    quality: float
    cost: float = 0.0
    latency: float = 0.0


@dataclass(slots=True)
class ArmState:
    """Sufficient statistics of one arm.

    ``gram`` is Σ w z zᵀ, with z = (x, 1, r, q, c, l): the context, a constant 1, the reward, and its parts: quality,
    cost and latency. The weight w of an outcome is 1; with forgetting, it decreases with every later one. The block of
    the contexts also has the ridge, so that the matrices of disjoint LinUCB (Li et al. 2010, Algorithm 1) with ridge
    λ = 1 are blocks of it:

        A = I + Σ x xᵀ        b = Σ r x

    From the other rows follow what the arm would have learned from other weights of cost and latency (`reweigh`), how
    much of an estimate is still the prior (`unit_sum`), and how far rewards are from their estimates
    (`residual_scale`). Nothing is inverted in place, so everything is a function of the outcome log and can be
    recomputed from it, bit for bit.

    Attributes
    ----------
    gram: Shape (d + 5, d + 5), float64.
    n: Number of outcomes learned from.
    reward_sum: Sum of the rewards, each 0 to 1.
    cost_n, cost_sum_usd: Number of outcomes that reported a cost, and the sum of these costs.
    version: Log sequence of the last outcome that changed the state; 0 when there was none. The same version of the
        same log means the same bytes.
    updated_at_ms: When the log accepted the arm's last outcome, in Unix milliseconds.
    drift: Tests for a change of the arm; None before the first outcome that can be tested.
    """

    gram: FloatArray
    n: int = 0
    reward_sum: float = 0.0
    cost_n: int = 0
    cost_sum_usd: float = 0.0
    version: int = 0
    updated_at_ms: int = 0
    drift: DriftMonitor | None = None
    _z: FloatArray = field(init=False, repr=False, compare=False)
    _product: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Allocate the buffers of `observe`."""
        self._z = np.ones(len(self.gram))
        self._product = np.empty_like(self.gram)

    @classmethod
    def fresh(cls, dim: int) -> ArmState:
        """Return the state of an arm without outcomes: A = I, all else 0."""
        gram = np.zeros((dim + PARTS, dim + PARTS))
        gram.ravel()[: dim * (dim + PARTS) : dim + PARTS + 1] = 1.0
        return cls(gram)

    @property
    def dim(self) -> int:
        """d, the length of the contexts."""
        return len(self.gram) - PARTS

    @property
    def A(self) -> FloatArray:  # noqa: N802  # its name in the literature and in the store
        """I + Σ x xᵀ, shape (d, d): a view."""
        return self.gram[: self.dim, : self.dim]

    @property
    def b(self) -> FloatArray:
        """Σ r x, shape (d,): a view."""
        return self.gram[self.dim + REWARD, : self.dim]

    @property
    def sums(self) -> FloatArray:
        """Σ x, Σ r x, Σ q x, Σ c x and Σ l x, shape (5, d): a view."""
        return self.gram[self.dim :, : self.dim]

    @property
    def moments(self) -> FloatArray:
        """Σ v vᵀ of v = (1, r, q, c, l), shape (5, 5): a view."""
        return self.gram[self.dim :, self.dim :]

    @property
    def last(self) -> FloatArray:
        """(x, 1, r, q, c, l) of the last outcome learned from, shape (d + 5,): a view, valid after `observe`."""
        return self._z

    @property
    def mean_reward(self) -> float | None:
        """Mean reward, 0 to 1; None before the first outcome."""
        return self.reward_sum / self.n if self.n else None

    @property
    def mean_cost_usd(self) -> float | None:
        """Mean of the reported costs in US dollars; None when none was reported."""
        return self.cost_sum_usd / self.cost_n if self.cost_n else None

    def theta(self) -> FloatArray:
        """Return the posterior mean θ = A⁻¹ b, shape (d,) (Li et al. 2010, Algorithm 1, line 8)."""
        return np.asarray(np.linalg.solve(self.A, self.b), dtype=np.float64)

    def observe(
        self,
        x: FloatArray,
        reward: float,
        cost_usd: float | None = None,
        forgetting: float = 1.0,
        parts: OutcomeParts | None = None,
    ) -> None:
        """Learn from one outcome, in place (Li et al. 2010, Algorithm 1, lines 12 and 13).

        With forgetting γ below 1, earlier outcomes are discounted and the ridge is not:

            A ← γ A + (1 − γ) I + x xᵀ        b ← γ b + r x

        so that about the last 1/(1 − γ) outcomes determine the state. This is the update of D-LinUCB (Russac, Vernade,
        Cappé: Weighted Linear Bandits for Non-Stationary Environments, NeurIPS 2019, Algorithm 1) with two differences.
        D-LinUCB has one shared model that is discounted in every round; here an arm is discounted at its own outcomes
        only, so that a rarely chosen arm keeps its state. And D-LinUCB computes the width from a second matrix,
        discounted by γ²; here it is √(xᵀA⁻¹x), which is never narrower. Counts and sums are not discounted.

        Parameters
        ----------
        x : ndarray, shape (d,)
        reward : float
            0 to 1.
        cost_usd : float, optional
            Cost of the request, if known.
        forgetting : float
            γ, more than 0 and at most 1; 1 forgets nothing.
        parts : OutcomeParts, optional
            The parts of the reward; the reward is all quality when left out.
        """
        d = self.dim
        if forgetting != 1.0:
            self.gram *= forgetting
            self.gram.ravel()[: d * len(self.gram) : len(self.gram) + 1] += 1.0 - forgetting
        z = self._z
        z[:d] = x
        z[d + REWARD :] = (reward, *(parts or (reward, 0.0, 0.0)))
        np.multiply(z[:, None], z, out=self._product)
        self.gram += self._product
        self.n += 1
        self.reward_sum += reward
        if cost_usd is not None:
            self.cost_n += 1
            self.cost_sum_usd += cost_usd

    def copy(self) -> ArmState:
        """Return a copy with a Gram matrix of its own."""
        return replace(self, gram=self.gram.copy())

    def reweigh(self, lambda_cost: float, mu_latency: float) -> None:
        """Give every reward learned from the value ``q − λ c − μ l``, in place.

        The result is linear in the outcomes, so it is as if they had been learned with these weights, except that a
        reward below 0 is not raised to 0. ``reward_sum`` stays: it is what was earned.
        """
        d = self.dim
        for gram in (self.gram, self.gram.T):
            gram[d + REWARD] = gram[d + QUALITY] - lambda_cost * gram[d + COST] - mu_latency * gram[d + LATENCY]

    def residual_square_sum(self, root: FloatArray) -> float:
        """Return the sum of squared residuals of the ridge regression around the arm's mean reward.

        With the mean m = Σr/Σ1 and u = Σ (r − m) x, it is Σ (r − m)² − uᵀA⁻¹u.

        Parameters
        ----------
        root : ndarray, shape (d, d)
            R with RᵀR = A⁻¹.
        """
        weight, total, square = self.moments[ONE, ONE], self.moments[ONE, REWARD], self.moments[REWARD, REWARD]
        if weight <= 0.0:
            return 0.0
        mean = total / weight
        explained = root @ (self.b - mean * self.sums[ONE])
        return max(float(square - mean * total - explained @ explained), 0.0)

    def residual_scale(self, root: FloatArray) -> float:
        """Return σ̂, the standard deviation of a reward around its estimate, in units of reward (0 to 1).

        The posterior of a normal variance with a scaled inverse χ² prior of `PRIOR_COUNT` outcomes of `PRIOR_SCALE`:

            σ̂² = (ν₀ σ₀² + RSS) / (ν₀ + Σ1)

        (Gelman et al.: Bayesian Data Analysis, 3rd edition, 2013, section 2.6). ``root`` is as in
        `residual_square_sum`.
        """
        weight = float(self.moments[ONE, ONE])
        square_sum = PRIOR_COUNT * PRIOR_SCALE**2 + self.residual_square_sum(root)
        return math.sqrt(square_sum / (PRIOR_COUNT + weight))


PRIOR_SCALE = 0.25
"""σ₀: the residual scale of an arm without outcomes, in units of reward."""
PRIOR_COUNT = 5.0
"""ν₀: the number of outcomes that the prior of the residual scale counts for."""


def from_sums(A: FloatArray, b: FloatArray, n: int, reward_sum: float) -> FloatArray:
    """Return the Gram matrix of an arm of which only A, b, the count and the sum of the rewards are known.

    States of versions before the parts were kept have no more. All reward is then quality, Σr² is its largest possible
    value Σr, and Σx is exact if one of the features is a constant 1; otherwise it is that of contexts on which every
    reward is the mean.
    """
    d = len(b)
    gram = np.zeros((d + PARTS, d + PARTS))
    gram[:d, :d] = A
    constant = np.flatnonzero(np.isclose(np.diag(A) - 1.0, n, rtol=1e-9, atol=1e-9)).tolist() if n else []
    if constant:
        unit_sum = A[constant[0]] - np.eye(d)[constant[0]]
    else:
        unit_sum = b * (n / reward_sum) if reward_sum > 0.0 else np.zeros(d)
    sums, moments = gram[d:, :d], gram[d:, d:]
    sums[ONE], sums[REWARD], sums[QUALITY] = unit_sum, b, b
    gram[:d, d:] = sums.T
    moments[ONE, ONE] = n
    moments[ONE, REWARD : QUALITY + 1] = moments[REWARD : QUALITY + 1, ONE] = reward_sum
    moments[REWARD : QUALITY + 1, REWARD : QUALITY + 1] = reward_sum
    return gram
