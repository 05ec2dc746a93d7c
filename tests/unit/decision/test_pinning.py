"""A conversation stays with its arm unless leaving it is worth its cost."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.tier_store import TierChanges
from pointsman_decision.distribution import Pin
from pointsman_decision.tier import Choice, Tier

GOOD, BAD, OTHER = Arm("openai", "gpt-5"), Arm("ollama", "llama3.2"), Arm("mistral", "small")
CANDIDATES = (GOOD, BAD, OTHER)
CONTEXT = [1.0, 0.5]


def _learned(reward: float) -> ArmState:
    state = ArmState.fresh(2)
    for _ in range(50):
        state.observe(np.array(CONTEXT), reward)
    state.version = 50
    return state


@pytest.fixture
def tier() -> Tier:
    tier = Tier("S", 2, PolicySpec(name="l", algorithm="linucb", parameters={"alpha": 0.5, "epsilon": 0.2}), {})
    arms = {GOOD: _learned(0.9), BAD: _learned(0.4), OTHER: _learned(0.1)}
    tier.apply_update(TierChanges("log", 50, 500, {}, arms, generation="a"))
    return tier


def _lead(choice: Choice, arm: Arm) -> float:
    """By how much the best score exceeds the arm's, as reported."""
    scores = {(s.provider, s.model): s.ucb for s in choice.scores}
    return max(scores.values()) - scores[arm]


def test_pinned_arm_has_probability_one_up_to_the_switching_cost_exactly(tier: Tier) -> None:
    lead = _lead(tier.choose(CANDIDATES, [CONTEXT])[0], BAD)
    assert lead > 0.3
    (stays,) = tier.choose(CANDIDATES, [CONTEXT], [Pin(BAD, lead)])
    assert (stays.arm, stays.propensity, stays.pinned, stays.explored) == (BAD, 1.0, True, False)
    assert [s.probability for s in stays.scores] == [0.0, 1.0, 0.0]
    (leaves,) = tier.choose(CANDIDATES, [CONTEXT], [Pin(BAD, float(np.nextafter(lead, 0.0)))])
    assert not leaves.pinned
    assert leaves.propensity < 1.0


def test_an_arm_that_is_left_leaves_the_policy_its_own_distribution(tier: Tier) -> None:
    plain = tier.choose(CANDIDATES, [CONTEXT])[0]
    (choice,) = tier.choose(CANDIDATES, [CONTEXT], [Pin(BAD, 0.0)])
    assert [s.probability for s in choice.scores] == [s.probability for s in plain.scores]


def test_a_pinned_arm_that_is_no_candidate_is_not_looked_at(tier: Tier) -> None:
    plain = tier.choose((GOOD, BAD), [CONTEXT])[0]
    (choice,) = tier.choose((GOOD, BAD), [CONTEXT], [Pin(OTHER, 1000.0)])
    assert not choice.pinned
    assert [s.probability for s in choice.scores] == [s.probability for s in plain.scores]


def test_pinned_and_other_requests_are_scored_together_and_do_not_touch_each_other(tier: Tier) -> None:
    pins = [None, Pin(BAD, 1.0), None, Pin(OTHER, 1.0)] * 200
    choices = tier.choose(CANDIDATES, [CONTEXT] * len(pins), pins)
    assert {c.arm for c, pin in zip(choices, pins, strict=True) if pin and pin.arm == BAD} == {BAD}
    assert {c.arm for c, pin in zip(choices, pins, strict=True) if pin and pin.arm == OTHER} == {OTHER}
    free = [c for c, pin in zip(choices, pins, strict=True) if pin is None]
    assert not any(c.pinned for c in free)
    assert any(c.explored for c in free)  # 400 draws at ε = 0.2: none with probability 2e-39
    assert not any(c.explored for c in choices if c.pinned)
