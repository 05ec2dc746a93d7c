"""Arms: their names, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pointsman.core.bandit import Arm, ArmError, ArmState, FloatArray

finite = st.floats(-100.0, 100.0, allow_subnormal=False)
rewards = st.floats(0.0, 1.0, allow_subnormal=False)


@st.composite
def regressions(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Contexts, shape (n, d), and a reward for each."""
    n, d = draw(st.integers(1, 30)), draw(st.integers(1, 12))
    contexts: FloatArray = draw(arrays.arrays(np.float64, (n, d), elements=st.floats(-3.0, 3.0)))
    earned: FloatArray = draw(arrays.arrays(np.float64, n, elements=rewards))
    return contexts, earned


def _learn(contexts: FloatArray, earned: FloatArray) -> ArmState:
    state = ArmState.fresh(contexts.shape[1])
    for x, reward in zip(contexts, earned, strict=True):
        state.observe(x, float(reward))
    return state


@given(regressions())
def test_theta_is_the_closed_form_of_ridge_regression(regression: tuple[FloatArray, FloatArray]) -> None:
    X, r = regression
    expected = np.linalg.lstsq(
        np.vstack([X, np.eye(X.shape[1])]), np.concatenate([r, np.zeros(X.shape[1])]), rcond=None
    )[0]
    np.testing.assert_allclose(_learn(X, r).theta(), expected, rtol=1e-9, atol=1e-11)


@given(regressions())
def test_a_and_b_are_the_identity_and_zero_plus_the_sums(regression: tuple[FloatArray, FloatArray]) -> None:
    X, r = regression
    state = _learn(X, r)
    np.testing.assert_allclose(state.A, np.eye(X.shape[1]) + X.T @ X, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(state.b, X.T @ r, rtol=1e-12, atol=1e-12)
    assert state.n == len(r)
    assert state.A.tobytes() == state.A.T.copy().tobytes()


@given(regressions(), st.data())
def test_pausing_anywhere_changes_no_bit(regression: tuple[FloatArray, FloatArray], data: st.DataObject) -> None:
    X, r = regression
    cut = data.draw(st.integers(0, len(r)))
    first = _learn(X[:cut], r[:cut])
    second = ArmState(first.gram.copy(), n=first.n, reward_sum=first.reward_sum)
    for x, reward in zip(X[cut:], r[cut:], strict=True):
        second.observe(x, float(reward))
    whole = _learn(X, r)
    assert second.gram.tobytes() == whole.gram.tobytes()
    assert (second.n, second.reward_sum) == (whole.n, whole.reward_sum)


@given(regressions(), st.floats(0.01, 0.999))
def test_with_forgetting_each_outcome_weighs_less_by_gamma_for_each_one_after_it_and_the_ridge_stays(
    regression: tuple[FloatArray, FloatArray], gamma: float
) -> None:
    X, r = regression
    state = ArmState.fresh(X.shape[1])
    for x, reward in zip(X, r, strict=True):
        state.observe(x, float(reward), forgetting=gamma)
    weights = gamma ** np.arange(len(r))[::-1]
    np.testing.assert_allclose(state.A, np.eye(X.shape[1]) + (X.T * weights) @ X, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(state.b, X.T @ (weights * r), rtol=1e-11, atol=1e-11)
    assert state.n == len(r)
    assert state.reward_sum == pytest.approx(float(r.sum()))
    assert state.A.tobytes() == state.A.T.copy().tobytes()
    assert np.linalg.eigvalsh(state.A)[0] > 1.0 - 1e-9


@given(regressions())
def test_gamma_of_one_is_the_same_bytes_as_no_forgetting(regression: tuple[FloatArray, FloatArray]) -> None:
    X, r = regression
    state = ArmState.fresh(X.shape[1])
    for x, reward in zip(X, r, strict=True):
        state.observe(x, float(reward), None, 1.0)
    plain = _learn(X, r)
    assert (state.A.tobytes(), state.b.tobytes()) == (plain.A.tobytes(), plain.b.tobytes())


def test_a_memory_of_almost_nothing_stays_a_number() -> None:
    state = ArmState.fresh(2)
    for _ in range(2000):
        state.observe(np.array([1.0, 0.0]), 1.0, forgetting=1e-3)
        state.observe(np.array([0.0, 1e-200]), 0.5, forgetting=1e-3)
    assert np.isfinite(state.A).all()
    assert np.isfinite(state.theta()).all()


def test_a_fresh_arm_knows_nothing() -> None:
    state = ArmState.fresh(4)
    assert (np.eye(4) == state.A).all()
    assert (state.b == 0.0).all()
    assert (state.dim, state.n, state.version) == (4, 0, 0)
    assert state.mean_reward is None
    assert state.mean_cost_usd is None


def test_the_mean_cost_is_over_the_outcomes_with_a_cost() -> None:
    state = ArmState.fresh(1)
    for cost_usd in (0.02, None, 0.04, 0.0):
        state.observe(np.ones(1), 0.5, cost_usd)
    assert state.mean_cost_usd == pytest.approx(0.02)
    assert state.mean_reward == 0.5
    assert (state.n, state.cost_n) == (4, 3)


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_name_that_is_accepted_comes_back_from_its_text(provider: str, model: str) -> None:
    try:
        arm = Arm.checked(provider, model)
    except ArmError:
        return
    assert Arm.parse(str(arm)) == arm


def test_an_arm_is_split_at_the_first_colon() -> None:
    assert Arm.parse("openrouter:meta-llama/llama-3.1-70b:free") == Arm("openrouter", "meta-llama/llama-3.1-70b:free")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpt-5", "expected provider:model"),
        ("", "expected provider:model"),
        (":gpt-5", "provider"),
        ("openai:", "model"),
        ("p" * 65 + ":m", "provider"),
        ("p:" + "m" * 257, "model"),
        ("open\nai:gpt-5", "provider"),
        ("openai:gpt\t5", "model"),
    ],
)
def test_a_malformed_name_is_refused_with_the_part_that_is_wrong(text: str, names: str) -> None:
    with pytest.raises(ArmError, match=names):
        Arm.parse(text)


def test_a_provider_with_a_colon_is_refused() -> None:
    with pytest.raises(ArmError, match="provider"):
        Arm.checked("open:ai", "gpt-5")
