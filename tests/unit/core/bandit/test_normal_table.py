"""φ and Φ for arrays, against the library's own functions, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pointsman.core.bandit.normal_table import REACH, STEPS, normal


def _truth(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def test_the_distribution_is_right_between_the_points_of_the_table_and_on_them() -> None:
    halfway = (np.arange(-7 * STEPS, 7 * STEPS, 97) + 0.5) / STEPS
    anywhere = np.random.default_rng(1).uniform(-REACH, REACH, 20_000)
    z = np.concatenate([halfway, np.round(halfway * STEPS) / STEPS, anywhere, [0.0, -REACH, REACH]])
    found = normal(z.copy()).distribution
    assert np.abs(found - [_truth(value) for value in z.tolist()]).max() < 2e-13


def test_the_density_is_right() -> None:
    z = np.linspace(-REACH, 12.0, 5001)
    expected = [math.exp(-0.5 * value * value) / math.sqrt(2.0 * math.pi) for value in z.tolist()]
    np.testing.assert_allclose(normal(z.copy()).density, expected, rtol=1e-14)


@pytest.mark.parametrize("z", [8.0, 39.0, 1e6, 1e300, math.inf])
def test_far_above_all_is_below(z: float) -> None:
    found = normal(np.array([z]))
    assert found.distribution[0] == pytest.approx(1.0, abs=4e-14)
    assert found.density[0] < 1e-14


@pytest.mark.parametrize("z", [-8.0, -1e6, -1e300, -math.inf])
def test_far_below_nothing_is(z: float) -> None:
    found = normal(np.array([z]))
    assert 0.0 < found.distribution[0] < 4e-14
    assert found.density[0] < 3e-13


def test_any_shape_comes_back() -> None:
    assert normal(np.zeros((2, 3, 4))).distribution.shape == (2, 3, 4)
    assert (normal(np.zeros((2, 3, 4))).distribution == 0.5).all()
