"""Corrections of what an arm has learned, after a change: as if the outcomes before had been measured after it."""

from __future__ import annotations

import numpy as np

from pointsman.core.bandit.arm_state import COST, LATENCY, ONE, QUALITY, REWARD, ArmState, FloatArray

KEPT = 0.2
"""Share of the weight of the outcomes before a change of the reward that is kept."""
MAX_FACTOR = 100.0


def shift_reward(state: ArmState, run: FloatArray) -> None:
    """Move the rewards learned from, and their parts, to the level of the outcomes since the change.

    All solutions are kept, with less weight, and then move by the mean residual δ of the run:

        G ← κ G + (1 − κ) [I, Θ]ᵀ [I, Θ],   Θ = A⁻¹ (Σx, Σr x, Σq x, Σc x, Σl x)
        G ← T G Tᵀ,   T = I but T[j, 1] = δⱼ for j in r, q, c, l

    Parameters
    ----------
    run : ndarray, shape (d + 5,)
        Sum of (x, 1, r, q, c, l) over the outcomes since the change.
    """
    d, gram = state.dim, state.gram
    theta = _solve(state)
    expected = _expected(state, theta, run)
    gram *= KEPT
    gram.ravel()[: d * len(gram) : len(gram) + 1] += 1.0 - KEPT
    half = (1.0 - KEPT) * theta
    gram[d:, :d] += half
    gram[:d, d:] += half.T
    for at in range(d):  # not a matrix product: the order of its sums depends on the platform
        gram[d:, d:] += np.multiply(half[:, at, None], theta[:, at])
    for part in (REWARD, QUALITY, COST, LATENCY):
        shift = (run[d + part] - expected[part]) / run[d + ONE]
        gram[d + part] += shift * gram[d + ONE]
        gram[:, d + part] += shift * gram[:, d + ONE]


def scale_part(state: ArmState, part: int, run: FloatArray, weight: float) -> None:
    """Multiply the costs or latencies learned from by what the outcomes since the change show.

    The rewards learned from change by the difference times the weight of the part. Nothing else is less certain.

    Parameters
    ----------
    part : int
        `COST` or `LATENCY`.
    run : ndarray, shape (d + 5,)
        Sum of (x, 1, r, q, c, l) over the outcomes since the change.
    weight : float
        λ or μ.
    """
    d, gram = state.dim, state.gram
    expected, measured = float(_expected(state, _solve(state), run)[part]), float(run[d + part])
    if expected <= 0.0 or measured <= 0.0:
        return
    factor = min(max(measured / expected, 1.0 / MAX_FACTOR), MAX_FACTOR)
    loss = weight * (factor - 1.0)
    gram[d + REWARD] -= loss * gram[d + part]
    gram[:, d + REWARD] -= loss * gram[:, d + part]
    gram[d + part] *= factor
    gram[:, d + part] *= factor


def _expected(state: ArmState, theta: FloatArray, run: FloatArray) -> FloatArray:
    """Return the estimates of (1, r, q, c, l), with the arm's mean as the prior, summed over a run; shape (5,)."""
    d = state.dim
    fitted = _dot(theta, run[:d])
    unknown = run[d + ONE] - fitted[ONE]
    expected: FloatArray = fitted + unknown * state.moments[ONE] / state.moments[ONE, ONE]
    return expected


def _solve(state: ArmState) -> FloatArray:
    """Return Θᵀ, the solutions of A Θ = sumsᵀ, shape (5, d).

    Gaussian elimination by single products and sums: the order of the operations in a linear algebra library depends on
    the platform, and what is learned must not. A is positive definite, so no pivoting is needed.
    """
    d = state.dim
    rows = np.concatenate([state.A, state.sums.T], axis=1)
    for at in range(d):
        rows[at] /= rows[at, at]
        factors = rows[:, at].copy()
        factors[at] = 0.0
        rows -= np.multiply(factors[:, None], rows[at])
    return np.ascontiguousarray(rows[:, d:].T)


def _dot(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    total = np.zeros(len(matrix))
    for column, value in zip(matrix.T, vector.tolist(), strict=True):
        total += column * value
    return total
