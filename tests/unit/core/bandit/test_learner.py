"""A tier's learning: which outcomes change what."""

from __future__ import annotations

import pytest

from pointsman.core.bandit import Arm, ContextError, Learner, RewardRule

ARM = Arm("openai", "gpt-5")
RULE = RewardRule()


def test_an_arm_appears_with_its_first_outcome() -> None:
    learner = Learner()
    learner.learn(ARM, [1.0, 2.0], RULE, sequence=7, at_ms=1234, quality=50.0)
    state = learner.arms[ARM]
    assert state.A.tolist() == [[2.0, 2.0], [2.0, 5.0]]
    assert state.b.tolist() == [0.5, 1.0]
    assert (state.n, state.version, state.updated_at_ms, state.reward_sum) == (1, 7, 1234, 0.5)


def test_an_explicit_reward_does_not_touch_the_ranges() -> None:
    learner = Learner()
    earned = learner.learn(ARM, [1.0], RULE, sequence=1, at_ms=0, reward=64.0, cost_usd=0.5, latency_ms=10.0)
    assert earned[:4] == (64.0, 64.0, None, None)
    assert learner.ranges.state() == {"cost": [], "latency": []}
    assert learner.arms[ARM].b.tolist() == [0.64]
    assert learner.arms[ARM].mean_cost_usd == 0.5


def test_the_rule_sets_the_forgetting_of_the_arm_and_other_arms_forget_nothing() -> None:
    learner = Learner()
    for arm in (ARM, Arm("p", "m")):
        learner.learn(arm, [2.0], RULE, sequence=1, at_ms=0, reward=100.0)
    learner.learn(ARM, [1.0], RewardRule(forgetting=0.5), sequence=2, at_ms=0, reward=50.0, cost_usd=0.5)
    learner.learn(ARM, [0.0], RewardRule(forgetting=0.5), sequence=3, at_ms=0, quality=50.0)
    state = learner.arms[ARM]
    assert state.A.tolist() == [[0.5 * (0.5 * 5.0 + 0.5 + 1.0) + 0.5]]
    assert state.b.tolist() == [0.5 * (0.5 * 2.0 + 0.5)]
    assert (state.n, state.reward_sum, state.cost_n) == (3, 2.0, 1)
    assert learner.arms[Arm("p", "m")].A.tolist() == [[5.0]]


@pytest.mark.parametrize(("reward", "value"), [(-3.0, 0.0), (250.0, 100.0)])
def test_an_explicit_reward_is_clamped(reward: float, value: float) -> None:
    assert Learner().learn(ARM, [1.0], RULE, sequence=1, at_ms=0, reward=reward).value == value


def test_all_arms_of_a_tier_share_the_ranges() -> None:
    learner = Learner()
    learner.learn(ARM, [1.0], RULE, sequence=1, at_ms=0, quality=90.0, cost_usd=0.0)
    earned = learner.learn(Arm("p", "m"), [1.0], RULE, sequence=2, at_ms=0, quality=90.0, cost_usd=1.0)
    assert earned.value == 60.0


@pytest.mark.parametrize("context", [[], [1.0], [1.0, 2.0, 3.0], [1.0, float("nan")]])
def test_a_context_that_does_not_fit_changes_nothing(context: list[float]) -> None:
    learner = Learner()
    learner.learn(ARM, [1.0, 2.0], RULE, sequence=1, at_ms=5, quality=50.0, cost_usd=0.1)
    before = learner.arms[ARM].A.tobytes(), learner.arms[ARM].b.tobytes(), learner.ranges.state()
    with pytest.raises(ContextError):
        learner.learn(ARM, context, RULE, sequence=2, at_ms=6, quality=50.0, cost_usd=0.9)
    state = learner.arms[ARM]
    assert (state.A.tobytes(), state.b.tobytes(), learner.ranges.state()) == before
    assert (state.n, state.version, state.updated_at_ms) == (1, 1, 5)


@pytest.mark.parametrize("context", [[], [float("inf")]])
def test_a_first_context_that_is_none_makes_no_arm(context: list[float]) -> None:
    learner = Learner()
    with pytest.raises(ContextError):
        learner.learn(ARM, context, RULE, sequence=1, at_ms=0, quality=50.0)
    assert learner.arms == {}


def test_other_weights_in_a_rule_apply_to_what_every_arm_has_learned_before() -> None:
    other, now = Arm("p", "m"), RewardRule(lambda_cost=0.8, mu_latency=0.0, normalizer="fixed")
    learners = [Learner(), Learner()]
    for learner, first in zip(learners, (RewardRule(normalizer="fixed"), now), strict=True):
        learner.learn(ARM, [1.0, 0.5], first, sequence=1, at_ms=1, quality=90.0, cost_usd=0.02, latency_ms=2000.0)
        learner.learn(other, [1.0, 2.0], first, sequence=2, at_ms=2, quality=95.0, cost_usd=0.05)
        learner.take_changed()
        learner.learn(ARM, [1.0, 1.0], now, sequence=3, at_ms=3, quality=80.0, cost_usd=0.01)
    changed, straight = learners
    assert changed.weights == straight.weights == (0.8, 0.0)
    for arm in (ARM, other):
        assert changed.arms[arm].gram.tolist() == [pytest.approx(row) for row in straight.arms[arm].gram.tolist()]
    assert list(changed.take_changed()) == [ARM, other]
    assert list(straight.take_changed()) == [ARM]
    assert {arm: state.version for arm, state in changed.arms.items()} == {ARM: 3, other: 3}


def test_a_reward_without_parts_does_not_change_the_weights() -> None:
    learner = Learner()
    learner.learn(ARM, [1.0], RULE, sequence=1, at_ms=0, quality=50.0)
    learner.learn(ARM, [1.0], RewardRule(lambda_cost=0.9), sequence=2, at_ms=0, reward=50.0)
    assert learner.weights == (RULE.lambda_cost, RULE.mu_latency)


def test_a_learner_is_made_from_its_state() -> None:
    learner = Learner()
    assert learner.state() == {"cost": [], "latency": []}
    learner.learn(ARM, [1.0], RULE, sequence=1, at_ms=0, quality=50.0, cost_usd=0.1)
    again = Learner.from_state(learner.arms, learner.state())
    assert (again.state(), again.weights) == (learner.state(), learner.weights)
