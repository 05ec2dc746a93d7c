"""Estimates of the candidates for a context: posterior mean and confidence width, for all arms at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm import Arm
from pointsman.core.bandit.arm_state import ONE, PRIOR_SCALE, REWARD, ArmState, FloatArray
from pointsman.core.bandit.errors import ContextError


class Estimates(NamedTuple):
    """Estimates of K candidates for B contexts: the input of a policy.

    Attributes
    ----------
    arms: The K candidates.
    mean: θᵀx, the expected reward (0 to 1) if that of an arm without outcomes is 0. Shape (B, K).
    width: √(xᵀA⁻¹x), the standard width of the confidence ellipsoid along x, before any α. Shape (B, K).
    pulls: Number of outcomes learned from. Shape (K,) or (B, K), int64.
    cost_usd: Expected cost of a request in US dollars; NaN when unknown. Shape (K,) or (B, K).
    prior: h = 1 − xᵀA⁻¹Σx, the weight of the prior in the estimate: 1 for an arm without outcomes, and less the more is
        known about contexts like x. If the expected reward of an arm without outcomes is m, that of the arm is
        ``mean + m h``: ridge regression towards m on the constant, whichever feature that is, and also without one.
        Shape (B, K), or a scalar.
    sigma: σ̂, the standard deviation of a reward around its estimate (0 to 1). Shape (K,); or (B, K) or a scalar, where
        NaN means unknown.
    """

    arms: tuple[Arm, ...]
    mean: FloatArray
    width: FloatArray
    pulls: NDArray[np.int64]
    cost_usd: FloatArray
    prior: FloatArray = np.zeros(())
    sigma: FloatArray = np.full((), np.nan)

    def expected(self, prior_mean: float) -> FloatArray:
        """Return the expected reward if that of an arm without outcomes is ``prior_mean``, shape (B, K)."""
        return self.mean + prior_mean * self.prior if prior_mean else self.mean

    def deviation(self) -> FloatArray:
        """Return σ̂·width, the standard deviation of the expected reward, shape (B, K)."""
        if self.sigma.ndim == 1:  # of arms in memory, which always have one
            return self.sigma * self.width
        return np.where(np.isnan(self.sigma), PRIOR_SCALE, self.sigma) * self.width


class ArmStack:
    """Factors of all arms of a tier, stacked so that scoring is one matrix product.

    With ``A = L Lᵀ``, ``xᵀA⁻¹x = ‖L⁻¹x‖²``. For each arm the d rows of L⁻¹ are stacked with the rows θᵀ and (A⁻¹Σx)ᵀ;
    their product with the contexts gives width, mean and the weight of the prior. An arm is factored when it changes,
    and never during a decision.

    Row block 0 is the prior (A = I, b = 0), which is used for every arm without outcomes, so a new arm needs no
    registration and an unknown name needs no memory.

    Parameters
    ----------
    dim : int
        d, the length of the contexts.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._index: dict[Arm, int] = {}
        self._factors = np.empty((0, dim + 2, dim))
        self._pulls = np.zeros(0, dtype=np.int64)
        self._cost = np.full(0, np.nan)
        self._sigma = np.zeros(0)
        self._append(ArmState.fresh(dim))

    def __len__(self) -> int:
        """Return the number of arms with outcomes."""
        return len(self._index)

    def __contains__(self, arm: Arm) -> bool:
        """Return whether the arm has outcomes."""
        return arm in self._index

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms with outcomes, in the order of `put`."""
        return tuple(self._index)

    def put(self, arm: Arm, state: ArmState) -> None:
        """Set the state of an arm: factor A and solve for θ.

        Raises
        ------
        ContextError
            When the state has another dimension.
        """
        if state.dim != self.dim:
            raise ContextError(f"{arm} was learned with {state.dim} features; this tier is configured for {self.dim}")
        at = self._index.get(arm)
        if at is None:
            self._index[arm] = self._append(state)
        else:
            self._factors[at], self._sigma[at] = _factor(state)
            self._pulls[at] = state.n
            self._cost[at] = _cost(state)

    def clear(self) -> None:
        """Remove every arm."""
        self._index.clear()
        self._factors = self._factors[:1].copy()
        self._pulls = self._pulls[:1].copy()
        self._cost = self._cost[:1].copy()
        self._sigma = self._sigma[:1].copy()

    def select(self, arms: Sequence[Arm], prices: Mapping[Arm, float] | None = None) -> Selection:
        """Return the factors of the candidates, to score any number of contexts until an arm changes."""
        rows = np.fromiter((self._index.get(arm, 0) for arm in arms), dtype=np.intp, count=len(arms))
        picked = self._factors[rows]
        factors = np.concatenate([picked[:, -2], picked[:, -1], picked[:, :-2].reshape(-1, self.dim)])
        cost = self._cost[rows]
        if prices:
            cost = np.array([prices.get(arm, np.nan) if np.isnan(c) else c for arm, c in zip(arms, cost, strict=True)])
        return Selection(tuple(arms), np.ascontiguousarray(factors.T), self._pulls[rows], cost, self._sigma[rows])

    def _append(self, state: ArmState) -> int:
        factor, sigma = _factor(state)
        self._factors = np.concatenate([self._factors, factor[None]])
        self._sigma = np.append(self._sigma, sigma)
        self._pulls = np.append(self._pulls, np.int64(state.n))
        self._cost = np.append(self._cost, _cost(state))
        return len(self._pulls) - 1


@dataclass(slots=True)
class Selection:
    """Stacked factors of one list of candidates.

    Attributes
    ----------
    factors: θ of each candidate, A⁻¹Σx of each, then the columns of L⁻ᵀ of each. Shape (d, 2K + K·d).
    pulls, cost_usd, sigma: As in `Estimates`. Shape (K,).
    """

    arms: tuple[Arm, ...]
    factors: FloatArray
    pulls: NDArray[np.int64]
    cost_usd: FloatArray
    sigma: FloatArray

    def estimate(self, contexts: FloatArray) -> Estimates:
        """Score B contexts against the candidates with one matrix product.

        Parameters
        ----------
        contexts : ndarray, shape (B, d)
        """
        b, d = contexts.shape
        k = len(self.arms)
        # A decision is a few NumPy calls, so their overhead matters: that of dot is smaller than that of @.
        product = contexts.dot(self.factors)
        whitened = product[:, 2 * k :].reshape(b, k, d)  # L⁻¹x of each candidate
        width = np.sqrt(np.vecdot(whitened, whitened))
        prior = 1.0 - product[:, k : 2 * k]
        return Estimates(self.arms, product[:, :k], width, self.pulls, self.cost_usd, prior, self.sigma)


def _factor(state: ArmState) -> tuple[FloatArray, float]:
    """Return a root R of A⁻¹ (RᵀR = A⁻¹) with θᵀ and (A⁻¹Σx)ᵀ below it, shape (d + 2, d), and σ̂."""
    try:
        root = np.linalg.inv(np.linalg.cholesky(state.A))
    except np.linalg.LinAlgError:
        # With features of very different sizes the ridge can be lost in rounding errors. The exact eigenvalues of
        # A = I + Σxxᵀ are at least 1.
        values, vectors = np.linalg.eigh(state.A)
        root = (vectors / np.sqrt(np.maximum(values, 1.0))).T
    solutions = (state.sums[[REWARD, ONE]] @ root.T) @ root
    return np.concatenate([root, solutions]), state.residual_scale(root)


def _cost(state: ArmState) -> float:
    mean = state.mean_cost_usd
    return np.nan if mean is None else mean
