"""What every policy must be, registered or one's own: a distribution, whatever is known about the candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bandit import ALGORITHMS, Estimates, Policy, make_policy
from tests.unit.bandit.examples import learned_stack, some_arms

POLICIES = {
    "linucb": {"alpha": 1.5, "epsilon": 0.05},
    "epsilon-greedy": {"epsilon": 0.1},
    "static:provider:model-1": {"epsilon": 0.2},
    "static:nobody:has-this": {},
    "cheapest": {"epsilon": 0.3},
    "uniform": {},
    "tests.unit.bandit.own_policies:Softmax": {"temperature": 0.5},
}
"""Every registered algorithm with its parameters, and one from outside."""

pytestmark = pytest.mark.parametrize("algorithm", POLICIES)


def _policy(algorithm: str) -> Policy:
    return make_policy(algorithm, POLICIES[algorithm])


@st.composite
def anything_known(draw: st.DrawFn) -> Estimates:
    """Estimates of any number of candidates for any number of contexts, with ties, unknown costs and extremes."""
    b, k = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.0, 1e-300, 1e-6, 1.0, 1e6]))
    coarse = draw(st.booleans())
    mean = rng.normal(size=(b, k))
    mean = (np.round(mean) if coarse else mean) * size
    cost = np.where(rng.random((b, k)) < 0.3, np.nan, rng.random((b, k)))
    return Estimates(
        arms=some_arms(k),
        mean=mean,
        width=np.abs(rng.normal(size=(b, k))) * size,
        pulls=rng.integers(0, 100, size=k),
        cost_usd=cost if draw(st.booleans()) else cost[0],
    )


@given(known=anything_known())
def test_every_row_is_a_distribution_over_the_candidates(algorithm: str, known: Estimates) -> None:
    p = _policy(algorithm).probabilities(known)
    assert p.shape == known.mean.shape
    assert p.dtype == np.float64
    assert (p >= 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=0.0, atol=1e-12)


@given(known=anything_known())
def test_no_candidate_has_less_than_its_share_of_the_exploration(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    floor = policy.exploration / known.mean.shape[1]
    assert (policy.probabilities(known) >= floor - 1e-15).all()


@given(known=anything_known())
def test_a_context_gets_the_same_alone_as_among_others(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    together = policy.probabilities(known)
    for row in range(len(known.mean)):
        cost = known.cost_usd[row : row + 1] if known.cost_usd.ndim == 2 else known.cost_usd
        alone = known._replace(mean=known.mean[row : row + 1], width=known.width[row : row + 1], cost_usd=cost)
        np.testing.assert_allclose(policy.probabilities(alone)[0], together[row], rtol=1e-12)


@given(known=anything_known())
def test_asking_twice_gives_the_same_and_changes_nothing(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    before = known.mean.tobytes(), known.width.tobytes(), known.cost_usd.tobytes(), known.pulls.tobytes()
    first, second = policy.probabilities(known).copy(), policy.probabilities(known)
    assert first.tobytes() == second.tobytes()
    assert before == (known.mean.tobytes(), known.width.tobytes(), known.cost_usd.tobytes(), known.pulls.tobytes())


def test_a_single_candidate_is_certain(algorithm: str) -> None:
    known = learned_stack(np.random.default_rng(1), some_arms(1), 12)[0].select(some_arms(1)).estimate(np.ones((2, 12)))
    assert _policy(algorithm).probabilities(known).tolist() == [[1.0], [1.0]]


def test_arms_that_nothing_is_known_about_are_no_obstacle(algorithm: str) -> None:
    stack, _ = learned_stack(np.random.default_rng(1), (), 12)
    p = _policy(algorithm).probabilities(stack.select(some_arms(3)).estimate(np.ones((1, 12))))
    assert p.sum() == pytest.approx(1.0, abs=1e-12)


def test_it_satisfies_the_protocol_and_its_algorithm_is_listed(algorithm: str) -> None:
    assert isinstance(_policy(algorithm), Policy)
    listed = {"static:": "static:<provider>:<model>", "tests.": "<module>:<Class>"}
    assert next((text for begin, text in listed.items() if algorithm.startswith(begin)), algorithm) in ALGORITHMS
