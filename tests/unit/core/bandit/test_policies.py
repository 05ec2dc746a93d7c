"""Each policy's own choice, and the propensities that come with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import (
    Arm,
    ArmStack,
    ArmState,
    Cheapest,
    EpsilonGreedy,
    LinUCB,
    PolicyError,
    Static,
    Uniform,
    first_best,
    greedy,
)
from pointsman.core.bandit.fixed_policies import JUDGED_AFTER_OUTCOMES
from tests.unit.core.bandit.examples import estimates, some_arms

epsilons = st.floats(0.0, 1.0)
scores = st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=50)


@given(scores, epsilons)
def test_the_best_has_one_less_epsilon_and_its_share_of_it_and_all_others_have_their_share(
    row: list[float], epsilon: float
) -> None:
    p = greedy(np.array([row]), epsilon)[0]
    k = len(row)
    best = int(first_best(np.array([row]))[0])
    assert p[best] == pytest.approx(epsilon / k + (1.0 - epsilon), abs=1e-15)
    others = np.delete(p, best)
    assert (others == epsilon / k).all()
    assert p.sum() == pytest.approx(1.0, abs=1e-12)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1), epsilons)
def test_many_rows_get_what_each_gets_alone(b: int, k: int, seed: int, epsilon: float) -> None:
    rows = np.random.default_rng(seed).integers(0, 3, size=(b, k)).astype(np.float64)  # with ties
    together = greedy(rows, epsilon)
    for row, p in zip(rows, together, strict=True):
        assert greedy(row[None], epsilon)[0].tobytes() == p.tobytes()


@pytest.mark.parametrize("best", [1.0, 1e-9, 1e9, -1.0, -1e9])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_tie_within_rounding_goes_to_the_first_candidate(best: float, rows: int) -> None:
    just_below = best - abs(best) * 0.9e-12
    too_low = best - abs(best) * 2e-12
    p = greedy(np.array([[too_low, just_below, best]] * rows), 0.1)
    assert p.argmax(axis=1).tolist() == [1] * rows


def test_a_tie_at_zero_goes_to_the_first_candidate() -> None:
    assert greedy(np.zeros((1, 4)), 0.0)[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert greedy(np.array([[-1e-30, 0.0]]), 0.0)[0].tolist() == [0.0, 1.0]


def test_linucb_adds_alpha_widths_to_the_mean() -> None:
    known = estimates([[0.5, 0.4]], [[0.1, 0.2]])
    assert LinUCB(alpha=0.9, epsilon=0.0).probabilities(known)[0].tolist() == [1.0, 0.0]
    assert LinUCB(alpha=1.1, epsilon=0.0).probabilities(known)[0].tolist() == [0.0, 1.0]


def test_linucb_leaves_the_estimates_as_they_are() -> None:
    known = estimates([[0.5, 0.4]], [[0.1, 0.2]])
    LinUCB().probabilities(known)
    assert known.mean.tolist() == [[0.5, 0.4]]
    assert known.width.tolist() == [[0.1, 0.2]]


def test_the_propensity_of_the_best_arm_counts_its_share_of_the_exploration() -> None:
    p = LinUCB(alpha=1.5, epsilon=0.05).probabilities(estimates([[0.9, 0.1, 0.2, 0.3]]))[0]
    assert p[0] == pytest.approx(0.05 / 4 + 0.95, abs=1e-15)
    assert p[1:].tolist() == [0.05 / 4] * 3


def test_epsilon_greedy_looks_at_the_mean_only() -> None:
    known = estimates([[0.5, 0.4]], [[0.0, 100.0]])
    assert EpsilonGreedy(0.0).probabilities(known)[0].tolist() == [1.0, 0.0]
    assert EpsilonGreedy(0.5).probabilities(known)[0].tolist() == [0.75, 0.25]


def test_static_is_always_its_arm() -> None:
    p = Static(some_arms(3)[2]).probabilities(estimates([[0.9, 0.5, 0.1], [0.1, 0.2, 0.3]]))
    assert p.tolist() == [[0.0, 0.0, 1.0]] * 2


def test_static_is_the_first_candidate_where_its_arm_is_absent() -> None:
    p = Static(Arm("other", "model"), epsilon=0.3).probabilities(estimates([[0.1, 0.2, 0.3]]))
    assert p[0] == pytest.approx([0.8, 0.1, 0.1])


def test_uniform_is_the_same_for_all() -> None:
    assert Uniform().probabilities(estimates([[0.1, 0.2, 0.3, 0.4]])).tolist() == [[0.25] * 4]


@pytest.mark.parametrize(
    ("cost", "chosen"),
    [
        ([0.3, 0.1, 0.2], 1),
        ([math.nan, 0.1, 0.2], 1),
        ([math.nan, math.nan, 1e9], 2),
        ([math.nan, 0.0, math.nan], 1),
        ([0.2, 0.2, 0.2], 0),
        ([0.2, 0.1, 0.1], 1),
        ([math.nan, math.nan, math.nan], 0),
    ],
)
def test_cheapest_prefers_any_known_cost_to_an_unknown_one(cost: list[float], chosen: int) -> None:
    expected = np.eye(3)[chosen].tolist()
    means = [[0.1, 0.2, 0.3]] * 2
    for_all = Cheapest().probabilities(estimates(means, cost=np.array(cost)))
    assert for_all.tolist() == [expected] * 2
    for_each = Cheapest().probabilities(estimates(means, cost=np.array([cost, [1.0, math.nan, 2.0]])))
    assert for_each.tolist() == [expected, [1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("mean", "pulls", "cost", "chosen"),
    [
        ([0.0, 0.5, 0.5], [10, 10, 10], [0.0, 0.2, 0.1], 2),  # its failures were recorded as free
        ([0.0, 0.5, 0.0], [10, 10, 0], [math.nan, 0.2, math.nan], 1),
        ([0.0, 0.0, 0.0], [10, 0, 0], [math.nan, math.nan, math.nan], 1),
        ([0.0, 0.0, 0.0], [10, 10, 10], [0.2, math.nan, 0.1], 2),
        ([0.0, 0.5, 0.5], [9, 10, 10], [0.0, 0.2, 0.1], 0),  # some bad answers are no evidence
        ([1e-9, 0.5, 0.5], [99, 10, 10], [0.0, 0.2, 0.1], 2),  # it worked once
        ([0.06, 0.5, 0.5], [99, 10, 10], [0.0, 0.2, 0.1], 0),  # it is bad, and it works
        ([-0.1, 0.5, 0.5], [99, 10, 10], [0.0, 0.2, 0.1], 2),
        ([0.0, 0.5, 0.5], [10, 10, 10], [0.0, 1e9, 2e9], 1),
        ([0.5, 0.4, 0.4], [10, 10, 10], [0.0, 0.0, 0.1], 0),  # a model of one's own is free
    ],
)
def test_cheapest_is_not_what_never_works(mean: list[float], pulls: list[int], cost: list[float], chosen: int) -> None:
    known = estimates([mean], cost=np.array(cost))._replace(pulls=np.array(pulls))
    assert Cheapest().probabilities(known)[0].tolist() == np.eye(3)[chosen].tolist()
    by_row = known._replace(pulls=known.pulls[None], cost_usd=known.cost_usd[None])
    assert Cheapest().probabilities(by_row)[0].tolist() == np.eye(3)[chosen].tolist()


@pytest.mark.parametrize("answers", [0, 1, 5])
@pytest.mark.parametrize("others", [0, 20])
def test_cheapest_leaves_an_arm_that_worked_and_then_died(answers: int, others: int) -> None:
    """Failures have no cost, so the cost of its few answers stays the lowest there is."""
    rng = np.random.default_rng(answers)
    dead, works = some_arms(2)
    stack, states = ArmStack(4), {dead: ArmState.fresh(4), works: ArmState.fresh(4)}

    def outcome(arm: Arm, reward: float, cost_usd: float | None) -> None:
        x = np.array([1.0, *rng.uniform(0.0, 1.0, 3)])
        states[arm].observe(x, reward, cost_usd)
        stack.put(arm, states[arm])

    def served() -> Arm:
        found = stack.select((dead, works)).estimate(np.array([[1.0, 0.5, 0.5, 0.5]]))
        return found.arms[int(Cheapest().probabilities(found)[0].argmax())]

    for _ in range(answers):
        outcome(dead, rng.uniform(0.6, 1.0), 0.001)
    for _ in range(others):
        outcome(works, rng.uniform(0.6, 1.0), 0.01)
    failures = 0
    while served() == dead:
        failures += 1
        outcome(dead, 0.0, None)
    assert failures <= (JUDGED_AFTER_OUTCOMES if answers == 0 else 25 + 12 * answers)
    for _ in range(answers + 5):  # found by another policy, or by exploration
        outcome(dead, 1.0, 0.001)
    assert served() == dead


@pytest.mark.parametrize("epsilon", [-0.01, 1.01, math.nan, math.inf])
def test_an_epsilon_that_is_no_probability_is_refused(epsilon: float) -> None:
    for make in (EpsilonGreedy, Cheapest, LinUCB):
        with pytest.raises(PolicyError, match="epsilon: expected 0 to 1"):
            make(epsilon=epsilon)
    with pytest.raises(PolicyError, match="epsilon"):
        Static(Arm("p", "m"), epsilon)


@pytest.mark.parametrize("alpha", [-0.1, math.nan, math.inf])
def test_an_alpha_below_zero_or_not_finite_is_refused(alpha: float) -> None:
    with pytest.raises(PolicyError, match="alpha"):
        LinUCB(alpha=alpha)
