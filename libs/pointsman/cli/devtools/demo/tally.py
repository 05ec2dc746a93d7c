"""Served requests of the demo and their rewards."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.cli.devtools.demo.data import Prompts
from pointsman.core.bandit import FloatArray


class Means(NamedTuple):
    """Means over some requests.

    Attributes
    ----------
    reward, quality: 0 to 100.
    cost_usd: Per request.
    """

    reward: float
    quality: float
    cost_usd: float


@dataclass(slots=True)
class Tally:
    """Which model served which prompt, in the order of the decisions.

    Attributes
    ----------
    rewards: Reward of each model's answer to each prompt, 0 to 100. Shape (N, K).
    degraded: Requests that were not decided by a policy.
    elapsed_s: Time from the first request to the last one.
    """

    prompts: Prompts
    rewards: FloatArray
    degraded: int = 0
    elapsed_s: float = 0.0
    _served: list[tuple[int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many requests were served."""
        return len(self._served)

    def add(self, prompt: int, arm: int, *, degraded: bool) -> None:
        """Count one request; ``prompt`` and ``arm`` are indices."""
        self._served.append((prompt, arm))
        self.degraded += degraded

    def choices(self, part: slice = slice(None)) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the indices of prompts and served arms of a part of the requests."""
        pairs = np.array(self._served[part], dtype=np.intp).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def means(self, part: slice = slice(None)) -> Means:
        """Return the means over a part of the requests, which must not be empty."""
        return self.means_if(*self.choices(part))

    def means_if(self, prompts: NDArray[np.intp], arms: NDArray[np.intp]) -> Means:
        """Return the means if these arms had served these prompts."""
        return self._means((prompts, arms))

    def means_uniform(self, prompts: NDArray[np.intp]) -> Means:
        """Return the expected means if every prompt had been served by a model drawn at random."""
        return self._means((prompts,))

    def _means(self, index: tuple[NDArray[np.intp], ...]) -> Means:
        arrays = (self.rewards, self.prompts.quality, self.prompts.cost_usd)
        return Means(*(float(values[index].mean()) for values in arrays))

    def shares(self, part: slice = slice(None)) -> FloatArray:
        """Return the share of the requests that each arm served, shape (K,)."""
        arms = self.choices(part)[1]
        return np.bincount(arms, minlength=len(self.prompts.arms)) / max(len(arms), 1)

    def gains(self, parts: int) -> list[float]:
        """Return, for so many equal parts in order, the mean reward less that of uniform choice on the same prompts."""
        prompts, arms = self.choices()
        gain = self.rewards[prompts, arms] - self.rewards[prompts].mean(axis=1)
        return [float(part.mean()) for part in np.array_split(gain, parts) if len(part)]

    @property
    def per_second(self) -> float:
        """Decisions per second."""
        return len(self) / self.elapsed_s if self.elapsed_s > 0.0 else 0.0
