"""Thompson sampling: the probability of each arm to be the best, against what is known to be right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import FloatArray, PolicyError, Thompson, make_policy
from pointsman.core.bandit import probability_of_best as quadrature
from pointsman.core.bandit.normal_table import REACH
from pointsman.core.bandit.probability_of_best import probability_of_best
from tests.unit.core.bandit.examples import estimates

seeds = st.integers(0, 2**32 - 1)


def thompson(mean: FloatArray, deviation: FloatArray, epsilon: float = 0.0) -> FloatArray:
    return Thompson(v=1.0, epsilon=epsilon).probabilities(estimates(mean.tolist(), deviation.tolist()))


def by_brute_force(mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """Integrate each variable's own integral, as it is written, with many times the nodes; shape (K,).

    Independent of the code under test: one common line, cut at every half deviation of every variable, the product over
    the others formed again for each variable, and erfc called number by number.
    """
    x, w = np.polynomial.legendre.leggauss(10)
    cuts = np.unique(np.add.outer(np.arange(-18, 19) / 2.0, np.zeros(len(mean))) * deviation + mean)
    half = np.diff(cuts)[:, None] / 2.0
    s = (half * x + (cuts[:-1] + cuts[1:])[:, None] / 2.0).ravel()
    z = (s - mean[:, None]) / deviation[:, None]
    below = np.array([[0.5 * math.erfc(-value * math.sqrt(0.5)) for value in row] for row in z.tolist()])
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / deviation[:, None]
    weight = (half * w).ravel()
    others = [np.delete(below, k, axis=0).prod(axis=0) for k in range(len(mean))]
    return np.array([(weight * density[k] * others[k]).sum() for k in range(len(mean))])


@given(seeds, st.floats(-6.0, 6.0), st.floats(-6.0, 6.0), st.floats(-4.0, 4.0))
def test_two_arms_are_the_closed_form(seed: int, first: float, second: float, apart: float) -> None:
    """P(1 is the best) = Φ((μ₁ − μ₂) / √(σ₁² + σ₂²)), with widths up to 1e12 apart."""
    deviation = np.array([[10.0**first, 10.0**second]])
    spread = math.hypot(*deviation[0].tolist())
    mean = np.array([[apart * spread, 0.0]]) + np.random.default_rng(seed).normal() * spread
    expected = 0.5 * math.erfc(-(mean[0, 0] - mean[0, 1]) / spread / math.sqrt(2.0))
    np.testing.assert_allclose(thompson(mean, deviation)[0], [expected, 1.0 - expected], rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("seed", range(12))
def test_several_arms_equal_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 16))
    mean = rng.normal(size=k) * rng.choice([0.0, 0.1, 1.0])
    deviation = 10.0 ** rng.uniform(-2.0, 0.5, k) if seed % 2 else np.full(k, rng.uniform(0.5, 1.0))
    np.testing.assert_allclose(
        thompson(mean[None], deviation[None])[0], by_brute_force(mean, deviation), rtol=0.0, atol=1e-10
    )


@pytest.mark.parametrize("k", [17, 60, 256])
@pytest.mark.parametrize("alike", [True, False])
def test_many_arms_are_right_to_a_billionth(k: int, alike: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against eight times as many nodes, which `by_brute_force` confirms where it is affordable."""
    rng = np.random.default_rng(k)
    mean = rng.normal(size=(6, k)) * np.array([[0.0], [0.01], [0.1], [0.3], [1.0], [3.0]])
    deviation = np.full((6, k), 0.7) if alike else 10.0 ** rng.uniform(-2.0, 0.5, (6, k))
    found = thompson(mean, deviation)
    monkeypatch.setattr(quadrature, "PANEL_OF_MANY", 0.3)
    exact = probability_of_best(mean, deviation)
    assert np.abs(exact.sum(axis=1) - 1.0).max() < 1e-9  # nothing was lost
    np.testing.assert_allclose(found, exact, rtol=0.0, atol=1e-9)


def test_the_probabilities_are_the_frequencies_of_sampling() -> None:
    """A million draws a row: six standard errors, 12 comparisons, fails by chance once in 4e7 seeds."""
    rng = np.random.default_rng(8)
    mean, deviation = rng.normal(size=(3, 4)), rng.uniform(0.05, 2.0, (3, 4))
    p = thompson(mean, deviation)
    n = 1_000_000
    for row in range(3):
        draws = rng.normal(mean[row], deviation[row], (n, 4)).argmax(axis=1)
        shares = np.bincount(draws, minlength=4) / n
        assert (np.abs(shares - p[row]) < 6.0 * np.sqrt(p[row] * (1.0 - p[row]) / n) + 1e-6).all()


@pytest.mark.parametrize("k", [1, 2, 3, 10, 17, 256])
@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (0.6, 1e-6), (1e6, 1e6), (-1e6, 1e-6), (3e5, 2e3)])
def test_arms_that_are_alike_share_evenly(k: int, mean: float, deviation: float) -> None:
    p = thompson(np.full((2, k), mean), np.full((2, k), deviation))
    np.testing.assert_allclose(p, 1.0 / k, rtol=1e-14)


def test_twins_have_equal_probabilities_whatever_the_other_arms() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        mean, deviation = rng.normal(size=6), 10.0 ** rng.uniform(-3.0, 1.0, 6)
        mean[[1, 4]], deviation[[1, 4]] = mean[2], deviation[2]
        p = thompson(mean[None], deviation[None])[0]
        np.testing.assert_allclose(p[[1, 4]], p[2], rtol=1e-14)


@given(seeds, st.integers(1, 16))
def test_one_row_is_cut_as_it_is_among_others(seed: int, k: int) -> None:
    """The short way for one row is the long way, to the last bit."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(1, k)) * 10.0 ** rng.uniform(-6.0, 6.0)
    deviation = 10.0 ** rng.uniform(-6.0, 6.0, (1, k))
    begin = (mean - REACH * deviation).max(axis=1) + rng.choice([0.0, 1.0, 1e9])
    one, any_number = quadrature._panels_of_one(mean, deviation, begin), quadrature._panels(mean, deviation, begin)
    for short, long in zip(one, any_number, strict=True):
        np.testing.assert_array_equal(short, long)


@given(seeds, st.integers(2, 8))
def test_widths_and_means_of_any_size_give_a_distribution_without_a_warning(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [0.0, 1e-300, 1e-12, 1e-6, 1.0, 1e6, 1e100]
    mean = rng.normal(size=(3, k)) * rng.choice(sizes, (3, k))
    deviation = np.abs(rng.normal(size=(3, k))) * rng.choice(sizes, (3, k))
    p = thompson(mean, deviation)
    assert (p >= 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=0.0, atol=1e-12)


def test_the_scale_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    mean, deviation = rng.normal(size=(4, 5)), rng.uniform(0.1, 2.0, (4, 5))
    for power in (-60, 60):  # exact in binary
        scale = 2.0**power
        np.testing.assert_allclose(thompson(mean * scale, deviation * scale), thompson(mean, deviation), rtol=1e-12)


@given(seeds, st.integers(2, 6))
def test_a_better_mean_never_has_less(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    mean, deviation = rng.normal(size=(1, k)), rng.uniform(0.05, 2.0, (1, k))
    before = thompson(mean, deviation)[0, 0]
    mean[0, 0] += rng.uniform(0.0, 1.0)
    assert thompson(mean, deviation)[0, 0] >= before - 1e-10


@pytest.mark.parametrize(
    ("mean", "chosen"), [([0.1, 0.3, 0.2], 1), ([0.3, 0.3, 0.2], 0), ([0.0, 0.0, 0.0], 0), ([-0.3, -0.2, -0.2], 1)]
)
def test_without_widths_the_best_mean_is_certain_and_a_tie_goes_to_the_first(mean: list[float], chosen: int) -> None:
    assert thompson(np.array([mean]), np.zeros((1, 3)))[0].tolist() == np.eye(3)[chosen].tolist()
    no_spread = Thompson(v=0.0).probabilities(estimates([mean], [[5.0, 5.0, 5.0]]))
    assert no_spread[0].tolist() == np.eye(3)[chosen].tolist()


def test_a_certain_arm_wins_when_all_others_are_below_it() -> None:
    mean, deviation = np.array([[0.5, 0.2, 0.4, 0.1]]), np.array([[0.0, 1.0, 0.0, 0.5]])
    below = [0.5 * math.erfc(-(0.5 - m) / s / math.sqrt(2.0)) for m, s in ((0.2, 1.0), (0.1, 0.5))]
    p = thompson(mean, deviation)[0]
    assert p[0] == pytest.approx(below[0] * below[1], abs=1e-11)
    assert p[2] == 0.0
    nearly = thompson(mean, np.array([[1e-9, 1.0, 1e-9, 0.5]]))[0]
    np.testing.assert_allclose(p, nearly, rtol=0.0, atol=1e-8)


def test_a_certain_arm_far_above_or_far_below_all_is_all_or_nothing() -> None:
    for score, expected in ((1e6, 1.0), (-1e6, 0.0)):
        p = thompson(np.array([[score, 0.0, 0.1]]), np.array([[0.0, 1.0, 1.0]]))[0]
        assert p[0] == pytest.approx(expected, abs=1e-13)
        assert p.sum() == pytest.approx(1.0, abs=1e-14)


def test_v_scales_the_widths_and_epsilon_is_the_uniform_share() -> None:
    mean, width = [[0.5, 0.4, 0.1]], [[0.2, 0.8, 0.4]]
    half = Thompson(v=0.5).probabilities(estimates(mean, width))
    assert half.tolist() == Thompson(v=1.0).probabilities(estimates(mean, [[0.1, 0.4, 0.2]])).tolist()
    mixed = Thompson(v=0.5, epsilon=0.3).probabilities(estimates(mean, width))
    np.testing.assert_allclose(mixed, 0.1 + 0.7 * half, rtol=1e-14)
    assert Thompson(epsilon=0.3).exploration == 0.3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"v": -0.1}, "v: expected at least 0"),
        ({"v": math.nan}, "v: "),
        ({"v": math.inf}, "v: "),
        ({"epsilon": 1.5}, "epsilon: expected 0 to 1"),
        ({"alpha": 1.0}, "alpha: unknown parameter; the parameters are: v, epsilon"),
    ],
)
def test_invalid_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        make_policy("thompson", parameters)
