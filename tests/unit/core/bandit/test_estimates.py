"""Estimates: the same as inverting every matrix, for any arms in any order, whatever the contexts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import Arm, ArmStack, ArmState, ContextError
from tests.unit.core.bandit.examples import by_inversion, learned, learned_stack, some_arms

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 6), st.integers(1, 16), st.integers(1, 5))
def test_means_and_widths_are_those_of_direct_inversion(seed: int, k: int, dim: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    arms = some_arms(k)
    stack, states = learned_stack(rng, arms, dim)
    contexts = rng.normal(size=(batch, dim))
    found = stack.select(arms).estimate(contexts)
    for row, x in enumerate(contexts):
        for column, arm in enumerate(arms):
            mean, width = by_inversion(states[arm], x)
            assert found.mean[row, column] == pytest.approx(mean, rel=1e-9, abs=1e-12)
            assert found.width[row, column] == pytest.approx(width, rel=1e-9, abs=0.0)


@given(seeds, st.integers(2, 6))
def test_an_arms_estimate_does_not_depend_on_its_place_among_the_candidates(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    arms = some_arms(k)
    stack, _ = learned_stack(rng, arms, 12)
    contexts = rng.normal(size=(1, 12))
    order = rng.permutation(k)
    straight = stack.select(arms).estimate(contexts)
    shuffled = stack.select([arms[i] for i in order]).estimate(contexts)
    np.testing.assert_allclose(shuffled.mean[0], straight.mean[0, order], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(shuffled.width[0], straight.width[0, order], rtol=1e-12)


@given(seeds)
def test_scoring_together_is_scoring_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = some_arms(4)
    stack, _ = learned_stack(rng, arms, 12)
    contexts = rng.normal(size=(7, 12))
    selection = stack.select(arms)
    together = selection.estimate(contexts)
    for row, x in enumerate(contexts):
        alone = selection.estimate(x[None])
        np.testing.assert_allclose(together.mean[row], alone.mean[0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(together.width[row], alone.width[0], rtol=1e-12)


def test_an_arm_that_was_never_seen_is_the_prior() -> None:
    stack = ArmStack(3)
    stack.put(Arm("p", "known"), learned(np.random.default_rng(1), 3, 5))
    x = np.array([[2.0, -1.0, 2.0]])
    found = stack.select([Arm("p", "new"), Arm("p", "known"), Arm("q", "new")]).estimate(x)
    assert found.mean[0, 0] == found.mean[0, 2] == 0.0
    assert found.width[0, 0] == found.width[0, 2] == pytest.approx(3.0, rel=1e-15)  # ‖x‖, as A = I
    assert found.pulls.tolist() == [0, 5, 0]


def test_naming_an_arm_takes_no_memory() -> None:
    stack = ArmStack(3)
    stack.select(some_arms(50))
    assert len(stack) == 0
    assert some_arms(1)[0] not in stack


def test_a_new_state_replaces_the_old_one() -> None:
    rng = np.random.default_rng(2)
    arms = some_arms(2)
    stack, _ = learned_stack(rng, arms, 5)
    newer = learned(rng, 5, 60)
    stack.put(arms[0], newer)
    x = rng.normal(size=5)
    found = stack.select(arms).estimate(x[None])
    assert (found.mean[0, 0], found.width[0, 0]) == pytest.approx(by_inversion(newer, x), rel=1e-9)
    assert found.pulls[0] == 60
    assert stack.arms == arms


def test_a_cleared_stack_has_forgotten_everything() -> None:
    arms = some_arms(2)
    stack, states = learned_stack(np.random.default_rng(3), arms, 5)
    stack.clear()
    assert len(stack) == 0
    assert stack.select(arms).pulls.tolist() == [0, 0]
    stack.put(arms[1], states[arms[1]])
    assert stack.select(arms).pulls.tolist() == [0, states[arms[1]].n]


def test_a_state_of_another_dimension_is_refused_and_changes_nothing() -> None:
    arms = some_arms(1)
    stack, states = learned_stack(np.random.default_rng(4), arms, 5)
    with pytest.raises(ContextError, match="learned with 6 features"):
        stack.put(arms[0], ArmState.fresh(6))
    assert stack.select(arms).pulls.tolist() == [states[arms[0]].n]


def test_reported_costs_take_precedence_over_the_configured_price() -> None:
    arms = some_arms(3)
    stack = ArmStack(1)
    reported, silent = ArmState.fresh(1), ArmState.fresh(1)
    reported.observe(np.ones(1), 0.5, cost_usd=0.25)
    silent.observe(np.ones(1), 0.5)
    stack.put(arms[0], reported)
    stack.put(arms[1], silent)
    assert stack.select(arms, {arms[0]: 1.0, arms[1]: 2.0}).cost_usd.tolist()[:2] == [0.25, 2.0]
    assert math.isnan(stack.select(arms, {arms[0]: 1.0}).cost_usd[2])


@pytest.mark.parametrize(
    "x", [[1e6] * 12, [1e-300] * 12, [5e-324] * 12, [0.0] * 12, [1e6, 1e-9] * 6, [-1e6] + [0.0] * 11]
)
def test_extreme_contexts_give_finite_estimates(x: list[float]) -> None:
    rng = np.random.default_rng(5)
    arms = some_arms(3)
    stack, states = learned_stack(rng, arms[:2], 12)
    contexts = np.array([x])
    states[arms[0]].observe(contexts[0], 1.0)
    stack.put(arms[0], states[arms[0]])
    found = stack.select(arms).estimate(contexts)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.width).all()
    assert (found.width >= 0.0).all()
    assert (found.width <= np.linalg.norm(contexts) * (1.0 + 1e-9)).all()  # A ≥ I, so no direction is wider than x


def test_an_arm_whose_matrix_lost_its_ridge_to_rounding_still_scores() -> None:
    state = ArmState.fresh(12)
    x = np.full(12, 1e6)
    x[3] = 1e6 / 3.0
    for _ in range(20_000):
        state.observe(x, 0.75)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(state.A)
    stack = ArmStack(12)
    stack.put(Arm("p", "m"), state)
    contexts = np.concatenate([x[None], np.eye(12)])
    found = stack.select([Arm("p", "m")]).estimate(contexts)
    assert found.mean[0, 0] == pytest.approx(0.75, rel=1e-3)
    assert found.width[0, 0] == pytest.approx(1.0 / math.sqrt(20_000), rel=1e-3)
    assert (found.width[1:] <= 1.0 + 1e-9).all()
