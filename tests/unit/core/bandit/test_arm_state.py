"""What follows from an arm's Gram matrix: other weights, the weight of the prior, and the residual scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import Arm, ArmStack, ArmState, FloatArray, OutcomeParts
from pointsman.core.bandit.arm_state import PRIOR_COUNT, PRIOR_SCALE, from_sums

seeds = st.integers(0, 2**32 - 1)
ARM = Arm("p", "m")


def _outcomes(seed: int, n: int, dim: int) -> tuple[FloatArray, list[OutcomeParts]]:
    """Contexts with a constant 1 at the first place, and the parts of a reward for each."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, dim))
    X[:, 0] = 1.0
    return X, [OutcomeParts(*rng.random(3).tolist()) for _ in range(n)]


def _learn(X: FloatArray, parts: list[OutcomeParts], weights: tuple[float, float], gamma: float = 1.0) -> ArmState:
    state = ArmState.fresh(X.shape[1])
    for x, part in zip(X, parts, strict=True):
        reward = part.quality - weights[0] * part.cost - weights[1] * part.latency
        state.observe(x, reward, None, gamma, part)
    return state


@given(seeds, st.integers(1, 40), st.integers(1, 8), st.sampled_from([1.0, 0.9]))
def test_other_weights_give_what_would_have_been_learned_with_them(seed: int, n: int, dim: int, gamma: float) -> None:
    X, parts = _outcomes(seed, n, dim)
    state = _learn(X, parts, (0.3, 0.1), gamma)
    state.reweigh(0.7, 0.0)
    np.testing.assert_allclose(state.gram, _learn(X, parts, (0.7, 0.0), gamma).gram, rtol=1e-12, atol=1e-12)
    assert state.gram.tobytes() == state.gram.T.copy().tobytes()


@given(seeds, st.integers(0, 30), st.integers(1, 8), st.floats(0.0, 1.0))
def test_a_prior_mean_is_a_ridge_towards_it_on_the_constant(seed: int, n: int, dim: int, mean: float) -> None:
    """Σ (r − m − xᵀδ)² + ‖δ‖² is least for the expected reward m + xᵀδ; here as one least-squares problem."""
    X, parts = _outcomes(seed, n, dim)
    state = _learn(X, parts, (0.3, 0.1))
    stack = ArmStack(dim)
    stack.put(ARM, state)
    x = np.random.default_rng(seed + 1).normal(size=dim)
    r = np.array([part.quality - 0.3 * part.cost - 0.1 * part.latency for part in parts])
    delta = np.linalg.lstsq(np.vstack([X, np.eye(dim)]), np.concatenate([r - mean, np.zeros(dim)]), rcond=None)[0]
    found = stack.select([ARM, Arm("p", "new")]).estimate(x[None])
    assert found.expected(mean)[0].tolist() == pytest.approx([mean + x @ delta, mean], rel=1e-9, abs=1e-11)


@given(seeds, st.integers(0, 40), st.integers(1, 8))
def test_the_residual_scale_is_that_of_the_ridge_regression_around_the_mean(seed: int, n: int, dim: int) -> None:
    X, parts = _outcomes(seed, n, dim)
    state = _learn(X, parts, (0.3, 0.1))
    r = np.array([part.quality - 0.3 * part.cost - 0.1 * part.latency for part in parts])
    left = r - r.mean() if n else r
    delta = np.linalg.solve(state.A, X.T @ left)
    square_sum = float(((left - X @ delta) ** 2).sum() + delta @ delta)
    root = np.linalg.inv(np.linalg.cholesky(state.A))
    assert state.residual_square_sum(root) == pytest.approx(square_sum, rel=1e-8, abs=1e-10)
    expected = np.sqrt((PRIOR_COUNT * PRIOR_SCALE**2 + square_sum) / (PRIOR_COUNT + n))
    assert state.residual_scale(root) == pytest.approx(expected, rel=1e-8)


def test_the_residual_scale_becomes_that_of_the_rewards() -> None:
    rng = np.random.default_rng(5)
    state = ArmState.fresh(3)
    for _ in range(4000):
        x = np.array([1.0, *rng.normal(size=2)])
        state.observe(x, float(0.5 + 0.1 * x[1] + rng.normal(0.0, 0.12)))
    assert state.residual_scale(np.linalg.inv(np.linalg.cholesky(state.A))) == pytest.approx(0.12, rel=0.05)


@given(seeds, st.integers(1, 40), st.integers(1, 8))
def test_an_older_state_with_a_constant_has_the_exact_weight_of_the_prior(seed: int, n: int, dim: int) -> None:
    X, parts = _outcomes(seed, n, dim)
    state = _learn(X, parts, (0.0, 0.0))
    gram = from_sums(state.A, state.b, state.n, state.reward_sum)
    np.testing.assert_allclose(gram[dim : dim + 3, :dim], state.gram[dim : dim + 3, :dim], rtol=1e-9, atol=1e-9)
    assert gram.tobytes() == gram.T.copy().tobytes()
    older = ArmState(gram, n=n)
    root = np.linalg.inv(np.linalg.cholesky(state.A))
    assert older.residual_scale(root) >= state.residual_scale(root) * (1.0 - 1e-9)  # Σr² is at its largest


def test_an_older_state_without_a_constant_is_finite() -> None:
    rng = np.random.default_rng(6)
    state = ArmState.fresh(3)
    for _ in range(20):
        state.observe(rng.normal(size=3), float(rng.random()))
    stack = ArmStack(3)
    stack.put(ARM, ArmState(from_sums(state.A, state.b, state.n, state.reward_sum), n=state.n))
    found = stack.select([ARM]).estimate(rng.normal(size=(5, 3)))
    assert np.isfinite([found.mean, found.width, found.prior]).all()
    assert 0.0 < found.sigma[0] < 1.0
