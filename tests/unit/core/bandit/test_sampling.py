"""Drawing: the frequencies are the probabilities, and exploration has its configured share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import FloatArray, greedy, sample, sample_rows

units = st.floats(0.0, 1.0, exclude_max=True)
LARGEST_U = math.nextafter(1.0, 0.0)


@st.composite
def distributions(draw: st.DrawFn) -> tuple[FloatArray, float]:
    """A policy's distribution, shape (K,), and the share of it that is uniform."""
    k = draw(st.integers(1, 40))
    epsilon = draw(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0)))
    weights = np.array(draw(st.lists(st.floats(0.0, 1.0), min_size=k, max_size=k)))
    q = weights / weights.sum() if weights.sum() > 1e-6 else np.eye(k)[0]
    return epsilon / k + (1.0 - epsilon) * q, epsilon


@given(distributions(), units)
def test_a_draw_is_explored_exactly_when_u_is_below_epsilon(made: tuple[FloatArray, float], u: float) -> None:
    p, epsilon = made
    drawn = sample(p, epsilon, u)
    assert drawn.explored == (u < epsilon)
    assert 0 <= drawn.candidate < len(p)


@given(distributions(), units)
def test_what_has_no_probability_is_never_drawn(made: tuple[FloatArray, float], u: float) -> None:
    p, epsilon = made
    assert p[sample(p, epsilon, u).candidate] > 0.0


@given(distributions())
def test_the_largest_u_draws_a_candidate_that_has_probability(made: tuple[FloatArray, float]) -> None:
    p, epsilon = made
    drawn = sample(p, epsilon, LARGEST_U)
    assert p[drawn.candidate] > 0.0
    assert drawn == sample(p.tolist(), epsilon, LARGEST_U)


def test_rounding_below_one_falls_to_the_last_candidate_that_has_probability() -> None:
    p = np.array([0.1] * 9 + [0.1 - 1e-10, 0.0])  # sums to a little less than 1, as accepted from outside
    assert sample(p, 0.0, LARGEST_U).candidate == 9


def test_the_smallest_u_is_the_first_candidate() -> None:
    assert sample([0.0, 0.5, 0.5], 0.0, 0.0) == (1, False)
    assert sample([0.5, 0.5], 1.0, 0.0) == (0, True)
    assert sample([0.5, 0.5], 1.0, LARGEST_U) == (1, True)


@given(distributions())
def test_the_length_of_u_that_draws_a_candidate_is_its_probability(made: tuple[FloatArray, float]) -> None:
    p, epsilon = made
    n = 2_000
    drawn = [sample(p, epsilon, (cell + 0.5) / n).candidate for cell in range(n)]
    share = np.bincount(drawn, minlength=len(p)) / n
    # A candidate's part of [0, 1) is at most two intervals, each off by at most a cell at its two ends.
    assert (np.abs(share - p) <= 4.0 / n).all()


@given(distributions(), st.lists(units, min_size=1, max_size=30))
def test_many_draws_at_once_are_those_made_one_by_one(made: tuple[FloatArray, float], draws: list[float]) -> None:
    p, epsilon = made
    edges = [0.0, epsilon if epsilon < 1.0 else 0.5, LARGEST_U, *np.cumsum(p)[:-1].clip(0.0, LARGEST_U)]
    us = np.array([*draws, *edges])
    candidates, explored = sample_rows(np.tile(p, (len(us), 1)), epsilon, us)
    alone = [sample(p, epsilon, float(u)) for u in us]
    assert candidates.tolist() == [draw.candidate for draw in alone]
    assert explored.tolist() == [draw.explored for draw in alone]


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.5, 1.0])
def test_frequencies_of_random_draws_are_their_probabilities(epsilon: float) -> None:
    """Seeded, so it cannot fail by chance; with a fresh seed one count in 1.7 million would be off by 5σ."""
    rng = np.random.default_rng(20_260_101)
    n = 40_000
    p = greedy(np.array([[0.1, 0.4, 0.2, 0.3]]), epsilon)[0]
    candidates, explored = sample_rows(np.tile(p, (n, 1)), epsilon, rng.random(n))
    for expected, count in [*zip(p, np.bincount(candidates, minlength=4), strict=True), (epsilon, explored.sum())]:
        assert abs(count - n * expected) <= 5.0 * math.sqrt(n * expected * (1.0 - expected))


def test_exploring_reaches_every_candidate_alike_the_best_included() -> None:
    """Seeded; with a fresh seed one count in 1.7 million would be off by 5σ."""
    rng = np.random.default_rng(7)
    p = greedy(np.array([[0.9, 0.1, 0.2]]), 0.3)[0]
    draws = [sample(p, 0.3, u) for u in rng.random(30_000)]
    explored = np.bincount([draw.candidate for draw in draws if draw.explored], minlength=3)
    n = explored.sum()
    assert (np.abs(explored - n / 3) <= 5.0 * math.sqrt(n * (1 / 3) * (2 / 3))).all()
