"""The scaled policies: optimism about what is unknown, widths in units of the noise, exploration of bounded cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pointsman.core.bandit import Arm, ArmStack, ArmState, Estimates, FloatArray, Policy, make_policy
from tests.unit.core.bandit.examples import estimates, some_arms

costs = arrays.arrays(np.float64, 4, elements=st.sampled_from([0.0, 1e-5, 3e-4, 0.02, 1.5, np.nan]))


def _known(mean: list[float], width: list[float], prior: list[float], sigma: list[float]) -> Estimates:
    plain = estimates([mean], [width])
    return plain._replace(prior=np.array([prior]), sigma=np.array(sigma))


def test_the_bound_has_the_prior_and_counts_widths_in_residual_scales() -> None:
    known = _known([0.5, 0.6], [0.3, 0.2], [0.4, 0.0], [0.1, 0.2])
    policy = make_policy("scaled-linucb", {"alpha": 2.0, "epsilon": 0.0, "prior_mean": 0.9})
    assert policy.score(known).tolist() == [pytest.approx([0.5 + 0.9 * 0.4 + 2 * 0.1 * 0.3, 0.6 + 2 * 0.2 * 0.2])]  # type: ignore[attr-defined]  # not in the protocol
    assert policy.probabilities(known).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(("algorithm", "plain"), [("scaled-linucb", "linucb"), ("scaled-thompson", "thompson")])
def test_with_a_scale_of_one_and_no_prior_it_is_the_plain_policy(algorithm: str, plain: str) -> None:
    rng = np.random.default_rng(1)
    known = estimates(rng.random((20, 5)).tolist(), rng.random((20, 5)).tolist())
    known = known._replace(prior=rng.random((20, 5)), sigma=np.ones(5))
    weight, more = ("alpha", {"warm_up": 0.0}) if plain == "linucb" else ("v", {})
    scaled = make_policy(algorithm, {weight: 0.4, "epsilon": 0.1, "prior_mean": 0.0} | more)
    expected = make_policy(plain, {weight: 0.4, "epsilon": 0.1}).probabilities(known)
    np.testing.assert_allclose(scaled.probabilities(known), expected, rtol=1e-12, atol=1e-15)


@given(cost=costs, best=st.integers(0, 3), share=st.sampled_from([0.01, 0.1, 1.0]))
def test_exploration_costs_at_most_its_share_of_the_best_arms_cost(cost: FloatArray, best: int, share: float) -> None:
    known = estimates([[float(at == best) for at in range(4)]], cost=cost)
    epsilon = 0.1
    policy = make_policy("scaled-linucb", {"epsilon": epsilon, "cost_share": share, "warm_up": 0.0})
    p = policy.probabilities(known)[0]
    reference = cost[best] if cost[best] > 0.0 else np.min(cost, initial=np.inf, where=cost > 0.0)
    for k in set(range(4)) - {best}:
        if np.isnan(cost[best]) or np.isnan(cost[k]) or cost[k] == 0.0:
            assert p[k] == pytest.approx(epsilon / 4)
        else:
            assert p[k] == pytest.approx(min(epsilon / 4, share * reference / (4 * cost[k])))
            assert p[k] * cost[k] <= share * reference / 4 * (1 + 1e-12)
    assert p[best] == pytest.approx(1.0 - p.sum() + p[best])


def test_exploration_is_larger_until_there_are_enough_outcomes_and_costs_count_by_their_outcomes() -> None:
    known = estimates([[0.9, 0.5]], cost=np.array([0.001, 0.01]))
    policy = make_policy("scaled-linucb", {"epsilon": 0.02, "cost_share": 0.1, "warm_up": 100.0})
    floors = [
        policy.probabilities(known._replace(pulls=np.array(pulls)))[0, 1] for pulls in ([5, 5], [50, 0], [180, 20])
    ]
    assert floors == pytest.approx([0.1, 0.01, min(0.01, 0.05 * 0.0019 / 0.01)])
    assert policy.probabilities(known._replace(pulls=np.zeros(2, np.int64)))[0, 1] == pytest.approx(0.25)
    assert make_policy("scaled-linucb", {"epsilon": 0.0}).probabilities(known)[0, 1] == 0.0


def test_an_event_of_an_older_version_has_the_scale_of_an_arm_without_outcomes() -> None:
    known = _known([0.5, 0.6], [1.0, 0.2], [0.0, 0.0], [0.1, 0.1])._replace(sigma=np.full((1, 2), np.nan))
    policy = make_policy("scaled-linucb", {"alpha": 1.0})
    assert policy.score(known).tolist() == [pytest.approx([0.75, 0.65])]  # type: ignore[attr-defined]  # not in the protocol


def _served_alone(policy: Policy, seed: int) -> bool:
    """Return whether one of two arms is served in each of 300 requests; the second one is better by 20 points."""
    rng = np.random.default_rng(seed)
    arms, stack, states = some_arms(2), ArmStack(3), {arm: ArmState.fresh(3) for arm in some_arms(2)}
    served: set[Arm] = set()
    for _ in range(300):
        x = np.array([1.0, *rng.normal(0.0, 0.5, 2)])
        p = policy.probabilities(stack.select(arms).estimate(x[None]))[0]
        arm = arms[int(rng.choice(2, p=p))]
        states[arm].observe(x, float(np.clip((0.6 if arm == arms[0] else 0.8) + rng.normal(0.0, 0.1), 0.0, 1.0)))
        stack.put(arm, states[arm])
        served.add(arm)
    return len(served) == 1


@pytest.mark.parametrize(
    ("algorithm", "parameters", "ever"),
    [
        ("linucb", {"alpha": 0.25, "epsilon": 0.0}, True),
        ("epsilon-greedy", {"epsilon": 0.0}, True),
        ("epsilon-greedy", {"epsilon": 0.0, "prior_mean": 1.0}, False),
        ("softmax", {"temperature": 0.01, "prior_mean": 1.0}, False),
        ("scaled-linucb", {"epsilon": 0.0}, False),
        ("scaled-thompson", {}, False),
    ],
)
def test_only_a_prior_of_zero_keeps_the_first_arm_for_ever(
    algorithm: str, parameters: dict[str, float], ever: bool
) -> None:
    assert [_served_alone(make_policy(algorithm, parameters), seed) for seed in range(10)] == [ever] * 10
