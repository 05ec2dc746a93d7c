"""Arms, and the learned state of one arm: the sufficient statistics of a ridge regression of reward on context."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.errors import ArmError

FloatArray = NDArray[np.float64]

MAX_PROVIDER_LENGTH = 64
MAX_MODEL_LENGTH = 256


class Arm(NamedTuple):
    """A provider and one of its models; written ``provider:model``, split at the first colon."""

    provider: str
    model: str

    def __str__(self) -> str:
        """``provider:model``."""
        return f"{self.provider}:{self.model}"

    @classmethod
    def parse(cls, text: str) -> Arm:
        """Split ``provider:model`` at the first colon.

        Raises
        ------
        ArmError
            When a part is missing, too long or not printable.
        """
        provider, colon, model = text.partition(":")
        if not colon:
            raise ArmError(f"arm {text!r}: expected provider:model")
        return cls.checked(provider, model)

    @classmethod
    def checked(cls, provider: str, model: str) -> Arm:
        """Return an arm from its two parts, or raise `ArmError` with the name of the malformed part."""
        if not provider or len(provider) > MAX_PROVIDER_LENGTH or ":" in provider or not provider.isprintable():
            raise ArmError(f"provider: expected 1 to {MAX_PROVIDER_LENGTH} printable characters without a colon")
        if not model or len(model) > MAX_MODEL_LENGTH or not model.isprintable():
            raise ArmError(f"model: expected 1 to {MAX_MODEL_LENGTH} printable characters")
        return cls(provider, model)


@dataclass(slots=True)
class ArmState:
    """Sufficient statistics of one arm.

    The matrices are those of disjoint LinUCB (Li et al. 2010, Algorithm 1), with ridge λ = 1:
    ``A = I + Σ x xᵀ`` and ``b = Σ r x``; with forgetting, the weight of an outcome in the sums decreases with every
    later one. Neither is inverted in place, so both are a function of the outcome log and can be recomputed from it,
    bit for bit.

    Attributes
    ----------
    A: Shape (d, d), float64.
    b: Shape (d,), float64.
    n: Number of outcomes learned from.
    reward_sum: Sum of the rewards, each 0 to 1.
    cost_n, cost_sum_usd: Number of outcomes that reported a cost, and the sum of these costs.
    version: Log sequence of the last outcome learned from; 0 when there was none. The same version of the same log
        means the same bytes.
    updated_at_ms: When the log accepted that outcome, in Unix milliseconds.
    """

    A: FloatArray
    b: FloatArray
    n: int = 0
    reward_sum: float = 0.0
    cost_n: int = 0
    cost_sum_usd: float = 0.0
    version: int = 0
    updated_at_ms: int = 0
    _product: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Allocate the buffer for xxᵀ in `observe`."""
        self._product = np.empty_like(self.A)

    @classmethod
    def fresh(cls, dim: int) -> ArmState:
        """Return the state of an arm without outcomes: A = I, b = 0."""
        return cls(A=np.eye(dim), b=np.zeros(dim))

    @property
    def dim(self) -> int:
        """d, the length of the contexts."""
        return int(self.b.shape[0])

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

    def observe(self, x: FloatArray, reward: float, cost_usd: float | None = None, forgetting: float = 1.0) -> None:
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
        """
        if forgetting != 1.0:
            self.A *= forgetting
            self.A.ravel()[:: self.dim + 1] += 1.0 - forgetting
            self.b *= forgetting
        np.multiply(x[:, None], x, out=self._product)
        self.A += self._product
        self.b += x * reward
        self.n += 1
        self.reward_sum += reward
        if cost_usd is not None:
            self.cost_n += 1
            self.cost_sum_usd += cost_usd
