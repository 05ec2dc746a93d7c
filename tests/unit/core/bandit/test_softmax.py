"""Softmax: proportions, and nothing that overflows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pointsman.core.bandit import PolicyError, Softmax, make_policy
from tests.unit.core.bandit.examples import estimates


def test_probabilities_are_in_proportion_to_the_exponential_of_the_score() -> None:
    p = Softmax(temperature=0.5).probabilities(estimates([[0.1, 0.4, 0.6]]))[0]
    weights = [math.exp(mean / 0.5) for mean in (0.1, 0.4, 0.6)]
    assert p == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-15)


def test_alpha_adds_widths_to_the_score() -> None:
    with_widths = Softmax(0.2, alpha=2.0).probabilities(estimates([[0.1, 0.4]], [[0.3, 0.0]]))
    assert with_widths[0] == pytest.approx(Softmax(0.2).probabilities(estimates([[0.7, 0.4]]))[0], abs=1e-15)
    assert Softmax(0.2).probabilities(estimates([[0.1, 0.1]], [[9.0, 0.0]]))[0].tolist() == [0.5, 0.5]


def test_epsilon_is_the_uniform_share() -> None:
    plain = Softmax(0.1).probabilities(estimates([[0.1, 0.4]]))
    np.testing.assert_allclose(Softmax(0.1, epsilon=0.4).probabilities(estimates([[0.1, 0.4]])), 0.2 + 0.6 * plain)


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 1.0, 1e6, 1e300])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1.0, 1e6, 1e300])
def test_no_temperature_and_no_score_overflows(temperature: float, size: float) -> None:
    p = Softmax(temperature).probabilities(estimates([[-size, 0.0, size]]))[0]
    assert p.sum() == pytest.approx(1.0, abs=1e-15)
    assert p[0] <= p[1] <= p[2]


def test_hot_is_uniform_and_cold_is_greedy_with_ties_shared() -> None:
    assert Softmax(1e9).probabilities(estimates([[0.1, 0.9]]))[0] == pytest.approx([0.5, 0.5], abs=1e-9)
    assert Softmax(1e-9).probabilities(estimates([[0.1, 0.9, 0.9]]))[0].tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": 0.0}, "temperature: expected more than 0"),
        ({"temperature": -1.0}, "temperature: "),
        ({"temperature": math.nan}, "temperature: "),
        ({"temperature": math.inf}, "temperature: "),
        ({"alpha": -1.0}, "alpha: expected at least 0"),
        ({"epsilon": -0.1}, "epsilon: expected 0 to 1"),
    ],
)
def test_invalid_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        make_policy("softmax", parameters)
