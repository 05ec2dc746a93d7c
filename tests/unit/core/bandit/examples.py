"""Arms, contexts and estimates that the tests of the bandit are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import Arm, ArmStack, ArmState, Estimates, FloatArray


def some_arms(k: int) -> tuple[Arm, ...]:
    """Return k different arms."""
    return tuple(Arm("provider", f"model-{index}") for index in range(k))


def learned(rng: np.random.Generator, dim: int, n: int, scale: float = 1.0) -> ArmState:
    """Return an arm that has learned n random outcomes."""
    state = ArmState.fresh(dim)
    for _ in range(n):
        state.observe(rng.normal(size=dim) * scale, float(rng.random()))
    return state


def learned_stack(rng: np.random.Generator, arms: tuple[Arm, ...], dim: int) -> tuple[ArmStack, dict[Arm, ArmState]]:
    """Return a stack of arms that have each learned something different, and their states."""
    stack = ArmStack(dim)
    states = {arm: learned(rng, dim, int(rng.integers(1, 40))) for arm in arms}
    for arm, state in states.items():
        stack.put(arm, state)
    return stack, states


def estimates(
    mean: list[list[float]], width: list[list[float]] | None = None, cost: FloatArray | None = None
) -> Estimates:
    """Return estimates with these values, of otherwise equal arms."""
    means = np.array(mean, dtype=np.float64)
    k = means.shape[1]
    pulls: NDArray[np.int64] = np.zeros(k, dtype=np.int64)
    return Estimates(
        arms=some_arms(k),
        mean=means,
        width=np.zeros_like(means) if width is None else np.array(width, dtype=np.float64),
        pulls=pulls,
        cost_usd=np.full(k, np.nan) if cost is None else cost,
    )


def by_inversion(state: ArmState, x: FloatArray) -> tuple[float, float]:
    """Return mean and width of one arm for one context, straight from the formula."""
    inverse = np.linalg.inv(state.A)
    return float(inverse @ state.b @ x), float(np.sqrt(x @ inverse @ x))
