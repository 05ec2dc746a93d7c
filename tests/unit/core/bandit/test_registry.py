"""From a name in the configuration to a policy, or to an error with the reason."""

from __future__ import annotations

import math

import pytest

from pointsman.core.bandit import (
    Arm,
    Cheapest,
    DistributionError,
    EpsilonGreedy,
    LinUCB,
    PolicyError,
    Static,
    Uniform,
    make_policy,
)
from tests.unit.core.bandit.examples import estimates

OWN = "tests.unit.core.bandit.own_policies"


def test_builtin_policies_have_the_parameters_that_were_given() -> None:
    linucb = make_policy("linucb", {"alpha": 2, "epsilon": 0.25})
    assert isinstance(linucb, LinUCB)
    assert (linucb.alpha, linucb.exploration) == (2.0, 0.25)
    assert isinstance(make_policy("epsilon-greedy", {"epsilon": 0.0}), EpsilonGreedy)
    assert isinstance(make_policy("cheapest"), Cheapest)
    assert isinstance(make_policy("uniform"), Uniform)
    static = make_policy("static:openai:ft:gpt-5:mine")
    assert isinstance(static, Static)
    assert static.arm == Arm("openai", "ft:gpt-5:mine")


def test_parameters_that_are_left_out_are_those_of_the_reference() -> None:
    linucb = make_policy("linucb")
    assert (linucb.alpha, linucb.exploration) == (1.5, 0.05)


@pytest.mark.parametrize(
    ("algorithm", "parameters", "message"),
    [
        ("lin-ucb", {}, "'lin-ucb' is not one of scaled-linucb, linucb, "),
        ("", {}, "is not one of"),
        ("linucb", {"gamma": 1}, "gamma: unknown parameter; the parameters are: alpha, epsilon"),
        ("linucb", {"alpha": -1}, "alpha: expected at least 0"),
        ("linucb", {"alpha": "much"}, "alpha: expected a number, got text"),
        ("linucb", {"alpha": 10**400}, "alpha: expected at least 0"),
        ("linucb", {"epsilon": 10**400}, "epsilon"),
        ("uniform", {"epsilon": 0.5}, "epsilon: unknown parameter; the parameters are: none"),
        ("static:openai", {}, "algorithm: .*provider:model"),
        ("static::gpt-5", {}, "algorithm: provider"),
        ("static:openai:", {}, "algorithm: model"),
        ("no_such_module_anywhere:Policy", {}, "cannot load no_such_module_anywhere:Policy"),
        (f"{OWN}:NoSuchClass", {}, "cannot load .*NoSuchClass"),
        (f"{OWN}:", {}, "cannot load"),
        (":Policy", {}, "cannot load"),
        ("..relative:Policy", {}, "cannot load"),
        ("tests.unit.core.bandit.broken_module:Policy", {}, "cannot load .*not today"),
        (f"{OWN}:NoPolicy", {}, "has no method 'probabilities'"),
        (f"{OWN}:NOT_A_CLASS", {}, "has no method 'probabilities'"),
        (f"{OWN}:Softmax", {"heat": 1}, f"parameters: {OWN}:Softmax: .*heat"),
        (f"{OWN}:Unbuildable", {}, f"{OWN}:Unbuildable: .*no licence"),
        (f"{OWN}:Refusing", {}, "^needs a licence$"),
        (f"{OWN}:Fixed", {"exploration": 1.5}, "exploration: expected 0 to 1"),
        (f"{OWN}:Fixed", {"exploration": "often"}, "often"),
        (f"{OWN}:Fixed", {"alpha": math.nan}, "alpha"),
    ],
)
def test_an_invalid_policy_is_a_policy_error_with_the_reason(
    algorithm: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(PolicyError, match=message):
        make_policy(algorithm, parameters)


def test_true_is_one_as_in_policies_stored_by_older_versions() -> None:
    policy = make_policy("linucb", {"alpha": True, "epsilon": False})
    assert isinstance(policy, LinUCB)
    assert (policy.alpha, policy.exploration) == (1.0, 0.0)


def test_ones_own_class_gets_its_parameters_and_is_asked() -> None:
    policy = make_policy(f"{OWN}:Softmax", {"temperature": 0.5})
    p = policy.probabilities(estimates([[math.log(3.0) / 2.0, 0.0]]))
    assert p[0] == pytest.approx([0.75, 0.25])
    assert (policy.alpha, policy.exploration) == (0.0, 0.0)


def test_a_list_of_numbers_is_as_good_as_an_array() -> None:
    assert make_policy(f"{OWN}:Fixed", {"p": [[0, 1]]}).probabilities(estimates([[0.1, 0.2]])).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    "p",
    [
        [[0.5, 0.6]],
        [[0.5, 0.4]],
        [[1.5, -0.5]],
        [[math.nan, 1.0]],
        [[math.inf, 0.0]],
        [[1.0]],
        [[0.5, 0.25, 0.25]],
        [0.5, 0.5],
        [[0.5, 0.5], [0.5, 0.5]],
        [[0.5, 0.5], [1.0]],
        [["most", "some"]],
        None,
    ],
)
def test_what_is_no_distribution_is_refused_before_it_is_used(p: object) -> None:
    with pytest.raises(DistributionError):
        make_policy(f"{OWN}:Fixed", {"p": p}).probabilities(estimates([[0.1, 0.2]]))


def test_a_distribution_without_the_exploration_it_claims_is_refused() -> None:
    """The service would draw uniformly with that probability, so the logged propensity would be wrong."""
    claims = make_policy(f"{OWN}:Fixed", {"p": [[1.0, 0.0]], "exploration": 0.5})
    with pytest.raises(DistributionError, match="exploration"):
        claims.probabilities(estimates([[0.1, 0.2]]))
    has = make_policy(f"{OWN}:Fixed", {"p": [[0.75, 0.25]], "exploration": 0.5})
    assert has.probabilities(estimates([[0.1, 0.2]])).tolist() == [[0.75, 0.25]]
