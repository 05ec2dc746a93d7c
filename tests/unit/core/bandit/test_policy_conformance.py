"""Conformance of every built-in algorithm and of a custom policy: a distribution for any estimates."""

from __future__ import annotations

import inspect

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import (
    ALGORITHMS,
    BUILT_IN,
    Estimates,
    Policy,
    PolicyError,
    make_policy,
    parameters_type,
    sample,
    sample_rows,
)
from tests.unit.core.bandit.examples import estimates, learned_stack, some_arms
from tests.unit.core.bandit.simulated_world import play

OWN = "tests.unit.core.bandit.own_policies:Softmax"
POLICIES: dict[str, dict[str, float]] = {
    **{algorithm: {} for algorithm in BUILT_IN if not algorithm.startswith("static:")},
    "linucb": {"alpha": 0.5, "epsilon": 0.05},
    "epsilon-greedy": {"epsilon": 0.1},
    "thompson": {"v": 0.2, "epsilon": 0.02},
    "softmax": {"temperature": 0.1, "alpha": 0.1, "epsilon": 0.01},
    "static:provider:model-1": {"epsilon": 0.2},
    "static:unknown:model": {},
    "cheapest": {"epsilon": 0.3},
    OWN: {"temperature": 0.1},
}
"""Every built-in algorithm, some with parameters that matter more than the defaults, and a custom one."""

LEARNING = ("scaled-linucb", "linucb", "epsilon-greedy", "thompson", "scaled-thompson", "softmax", OWN)
"""Those that go by what was learned."""

SHARING = ("thompson", "scaled-thompson", "softmax", "uniform", OWN)
"""Those that treat candidates alike about which the same is known. The others give a tie to the first."""

FORGETTING = (1.0, 0.95)

every_policy = pytest.mark.parametrize("algorithm", POLICIES)


def _policy(algorithm: str) -> Policy:
    return make_policy(algorithm, POLICIES[algorithm])


@pytest.mark.parametrize("algorithm", BUILT_IN)
def test_every_built_in_algorithm_documents_and_checks_its_parameters(algorithm: str) -> None:
    policy = BUILT_IN[algorithm]
    documented = inspect.getdoc(policy) or ""
    assert documented.partition("\n")[0].endswith(".")
    for field in msgspec.structs.fields(parameters_type(policy)):
        assert f"\n{field.name} : float\n" in documented
        assert field.default is not msgspec.NODEFAULT
        with pytest.raises(PolicyError, match=f"{field.name}: expected"):
            make_policy(algorithm.replace("<provider>:<model>", "p:m"), {field.name: -1})


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


@every_policy
@given(known=anything_known())
def test_every_row_is_a_distribution_over_the_candidates(algorithm: str, known: Estimates) -> None:
    p = _policy(algorithm).probabilities(known)
    assert p.shape == known.mean.shape
    assert p.dtype == np.float64
    assert (p >= 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=0.0, atol=1e-12)


@every_policy
@given(known=anything_known())
def test_no_candidate_has_less_than_its_share_of_the_exploration(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    floor = policy.exploration / known.mean.shape[1]
    assert (policy.probabilities(known) >= floor - 1e-15).all()


@every_policy
@given(known=anything_known())
def test_a_context_gets_the_same_alone_as_among_others(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    together = policy.probabilities(known)
    for row in range(len(known.mean)):
        cost = known.cost_usd[row : row + 1] if known.cost_usd.ndim == 2 else known.cost_usd
        alone = known._replace(mean=known.mean[row : row + 1], width=known.width[row : row + 1], cost_usd=cost)
        np.testing.assert_allclose(policy.probabilities(alone)[0], together[row], rtol=1e-12)


@every_policy
@given(known=anything_known())
def test_asking_twice_gives_the_same_and_changes_nothing(algorithm: str, known: Estimates) -> None:
    policy = _policy(algorithm)
    before = known.mean.tobytes(), known.width.tobytes(), known.cost_usd.tobytes(), known.pulls.tobytes()
    first, second = policy.probabilities(known).copy(), policy.probabilities(known)
    assert first.tobytes() == second.tobytes()
    assert before == (known.mean.tobytes(), known.width.tobytes(), known.cost_usd.tobytes(), known.pulls.tobytes())


@every_policy
def test_a_single_candidate_is_certain(algorithm: str) -> None:
    known = learned_stack(np.random.default_rng(1), some_arms(1), 12)[0].select(some_arms(1)).estimate(np.ones((2, 12)))
    assert _policy(algorithm).probabilities(known).tolist() == [[1.0], [1.0]]


@every_policy
def test_arms_that_nothing_is_known_about_are_no_obstacle(algorithm: str) -> None:
    """Alone, and next to arms with outcomes; their costs are unknown."""
    arms = some_arms(5)
    stack, _ = learned_stack(np.random.default_rng(1), arms[:2], 12)
    for candidates in (arms[2:], arms):
        known = stack.select(candidates).estimate(np.ones((1, 12)))
        assert np.isnan(known.cost_usd).all()
        p = _policy(algorithm).probabilities(known)
        assert p.sum() == pytest.approx(1.0, abs=1e-12)
        if algorithm in SHARING:
            np.testing.assert_allclose(p[0, -3:], p[0, -1], rtol=1e-12)


@every_policy
def test_it_satisfies_the_protocol_and_its_algorithm_is_listed(algorithm: str) -> None:
    assert isinstance(_policy(algorithm), Policy)
    listed = {"static:": "static:<provider>:<model>", "tests.": "<module>:<Class>"}
    assert next((text for begin, text in listed.items() if algorithm.startswith(begin)), algorithm) in ALGORITHMS


@every_policy
@pytest.mark.parametrize("k", [2, 3, 20, 256])
def test_a_tie_goes_to_the_first_or_is_shared(algorithm: str, k: int) -> None:
    known = estimates([[0.6] * k], [[0.1] * k], cost=np.full(k, 0.01))._replace(pulls=np.full(k, 1000))
    policy = _policy(algorithm)
    p = policy.probabilities(known)[0]
    explored = getattr(policy, "epsilon", policy.exploration)
    each = explored / k
    first = 1 if algorithm.endswith("model-1") else 0
    expected = np.full(k, 1.0 / k if algorithm in SHARING else each)
    if algorithm not in SHARING:
        expected[first] += 1.0 - explored
    np.testing.assert_allclose(p, expected, rtol=1e-12)


@every_policy
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 20))
def test_another_order_of_the_candidates_is_another_order_of_the_probabilities(
    algorithm: str, seed: int, k: int
) -> None:
    """Without ties. A static policy whose arm is no candidate finds them all alike, and takes the first."""
    rng = np.random.default_rng(seed)
    known = Estimates(
        arms=some_arms(k),
        mean=rng.normal(size=(2, k)),
        width=rng.uniform(0.01, 2.0, (2, k)),
        pulls=rng.integers(0, 9, k),
        cost_usd=rng.permutation(np.linspace(0.001, 1.0, k)),
    )
    order = rng.permutation(k)
    shuffled = Estimates(
        arms=tuple(known.arms[at] for at in order),
        mean=known.mean[:, order],
        width=known.width[:, order],
        pulls=known.pulls[order],
        cost_usd=known.cost_usd[order],
    )
    policy = _policy(algorithm)
    p, q = policy.probabilities(known), policy.probabilities(shuffled)
    if algorithm == "static:unknown:model" or (algorithm == "static:provider:model-1" and k == 1):
        assert q.argmax(axis=1).tolist() == [0, 0]
    else:
        np.testing.assert_allclose(q, p[:, order], rtol=1e-11, atol=1e-15)


@every_policy
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_draw_picks_the_same_alone_and_among_others(algorithm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stack, _ = learned_stack(rng, some_arms(4), 3)
    known = stack.select(some_arms(4)).estimate(rng.normal(size=(8, 3)))
    policy, draws = _policy(algorithm), rng.random(8)
    p = policy.probabilities(known)
    picks = [sample(row, policy.exploration, float(u)) for row, u in zip(p, draws, strict=True)]
    assert picks == [sample(row, policy.exploration, float(u)) for row, u in zip(p, draws, strict=True)]
    together, explored = sample_rows(p, policy.exploration, draws)
    assert [(pick.candidate, pick.explored) for pick in picks] == list(
        zip(together.tolist(), explored.tolist(), strict=True)
    )


@every_policy
@pytest.mark.parametrize("forgetting", FORGETTING)
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-6, 1.0, 1e6])
def test_contexts_of_any_size_give_a_distribution(algorithm: str, forgetting: float, size: float) -> None:
    """Whether learned from or asked about."""
    rng = np.random.default_rng(3)
    arms = some_arms(4)
    policy = _policy(algorithm)
    for learned_at in (1e-6, 1.0, 1e6):
        stack, states = learned_stack(rng, arms[:3], 5)
        for arm, state in states.items():
            for _ in range(30):
                state.observe(rng.normal(size=5) * learned_at, float(rng.random()), forgetting=forgetting)
            stack.put(arm, state)
        p = policy.probabilities(stack.select(arms).estimate(rng.normal(size=(6, 5)) * size))
        assert (p >= policy.exploration / 4 - 1e-15).all()
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("algorithm", LEARNING)
@pytest.mark.parametrize("forgetting", FORGETTING)
def test_learning_earns_more_than_choosing_evenly(algorithm: str, forgetting: float) -> None:
    """By 5 of 100 points on average of four seeds.

    Over 60 other seeds the gain was 11.8 to 15.7 with a standard deviation of at most 2.0: for the mean of four, 5 is
    more than six standard errors away. It fails by chance in less than one of 1e8 sets of seeds.
    """
    worlds = [play(_policy(algorithm), seed, forgetting=forgetting) for seed in range(4)]
    assert np.mean([world.policy - world.uniform for world in worlds]) > 5.0


@pytest.mark.parametrize("algorithm", LEARNING)
def test_forgetting_earns_more_where_the_world_changes(algorithm: str) -> None:
    """Paired by seed, on average of four.

    Over 60 other seeds the gain was 7.1 to 9.0 points with a standard deviation of at most 2.1: 0 is more than six
    standard errors from the mean of four. It fails by chance in less than one of 1e8 sets of seeds.
    """
    policy = _policy(algorithm)
    gains = [
        play(policy, seed, forgetting=0.95, drift=True).policy - play(policy, seed, drift=True).policy
        for seed in range(4)
    ]
    assert np.mean(gains) > 0.0
