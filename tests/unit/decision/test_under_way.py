"""A young arm has a bounded number of decisions without an outcome; the distribution is exact and keeps every arm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.tier_store import TierChanges
from pointsman_decision.distribution import Pin
from pointsman_decision.tier import Choice, Tier
from pointsman_decision.under_way import FREE_PULLS, GROWN_PULLS, PULLS_PER_OUTCOME, PullsUnderWay

OLD, WORSE, NEW = Arm("lab", "a"), Arm("lab", "b"), Arm("lab", "new")
CANDIDATES = (OLD, WORSE, NEW)
CONTEXT = [1.0, 0.5]


def _learned(reward: float, n: int, version: int) -> ArmState:
    state = ArmState.fresh(2)
    for _ in range(n):
        state.observe(np.array(CONTEXT), reward)
    state.version = version
    return state


def _tier(algorithm: str, **parameters: float) -> Tier:
    """Return a tier that knows two arms well, and nothing of the third."""
    tier = Tier("S", 2, PolicySpec(name="p", algorithm=algorithm, parameters=parameters), {})
    arms = {OLD: _learned(0.9, 200, 1), WORSE: _learned(0.5, 200, 2)}
    tier.apply_update(TierChanges("log", 2, 500, {}, arms, generation="a"))
    return tier


def _learn(tier: Tier, arm: Arm, reward: float, n: int) -> None:
    version = tier.watermark + 1
    changes = TierChanges("log", version, 500, {}, {arm: _learned(reward, n, version)}, generation="a")
    assert tier.apply_update(changes)


def _probabilities(choice: Choice) -> list[float]:
    return [score.probability for score in choice.scores]


LEARNING = [
    ("linucb", {"alpha": 1.5, "epsilon": 0.0}),
    ("linucb", {"alpha": 1.5, "epsilon": 0.3}),
    ("scaled-linucb", {}),
    ("scaled-thompson", {}),
    ("epsilon-greedy", {"epsilon": 0.1, "prior_mean": 1.0}),
    ("softmax", {"temperature": 0.05, "prior_mean": 1.0}),
]


@pytest.mark.parametrize(("algorithm", "parameters"), LEARNING)
@pytest.mark.parametrize("batch", [1, 64])
def test_a_young_arm_is_pulled_up_to_its_bound_and_then_by_exploration_only(
    algorithm: str, parameters: dict[str, float], batch: int
) -> None:
    tier = _tier(algorithm, **parameters)
    choices = [choice for _ in range(640 // batch) for choice in tier.choose(CANDIDATES, [CONTEXT] * batch)]
    kept = max(parameters.get("epsilon", 0.0), 0.03) / 3
    before, after = choices[: (at := _reached(choices))], choices[at:]
    assert not any(choice.held_back for choice in before)
    assert sum(choice.arm == NEW for choice in before) == FREE_PULLS
    assert {choice.held_back for choice in after} == {(NEW,)}
    for choice in after:
        p = _probabilities(choice)
        assert 0.0 < p[2] <= kept + 1e-12
        assert p[0] > p[1]  # the rest goes where the policy would send it without the arm, not to all alike
        assert sum(p) == pytest.approx(1.0, abs=1e-12)
        assert choice.propensity == p[CANDIDATES.index(choice.arm)]
    # Binomial with probability at most `kept`: more than 5 deviations above it with a probability below 1e-5.
    pulled = sum(choice.arm == NEW for choice in after)
    assert pulled <= len(after) * kept + 5.0 * (len(after) * kept) ** 0.5 + 5.0


def _reached(choices: list[Choice]) -> int:
    """Return how many choices were made up to and with the one by which NEW reached its bound."""
    counts = itertools.accumulate(choice.arm == NEW for choice in choices)
    return next(at for at, count in enumerate(counts, 1) if count == FREE_PULLS)


def test_exploration_stays_uniform_and_the_draw_reproduces_the_choice() -> None:
    tier = _tier("linucb", epsilon=0.3)
    held = [c for c in tier.choose(CANDIDATES, [CONTEXT] * 400) if c.held_back]
    assert all(sorted(_probabilities(choice)) == pytest.approx([0.1, 0.1, 0.8]) for choice in held)
    assert {choice.arm for choice in held if choice.draw < 0.3} == set(CANDIDATES)
    assert {choice.arm for choice in held if choice.draw >= 0.3} == {OLD}


def test_bound_grows_as_outcomes_come_and_ends_when_the_arm_is_grown() -> None:
    tier = _tier("linucb", alpha=50.0, epsilon=0.0)
    for n in (0, 8, 48):
        _learn(tier, NEW, 0.9, n)
        choices = tier.choose(CANDIDATES, [CONTEXT] * 300)
        assert tier.under_way.count(NEW) == FREE_PULLS + PULLS_PER_OUTCOME * n
        assert choices[-1].held_back == (NEW,)
    _learn(tier, NEW, 0.9, GROWN_PULLS)
    assert not any(choice.held_back for choice in tier.choose(CANDIDATES, [CONTEXT] * 300))
    assert tier.under_way.counts() == {}


def test_an_outcome_after_every_decision_leaves_the_policy_its_distribution() -> None:
    tier, plain = _tier("linucb"), _tier("static:lab:new")
    for n in range(1, 60):
        (choice,) = tier.choose(CANDIDATES, [CONTEXT])
        assert choice.held_back == ()
        _learn(tier, NEW, 0.9, n)
    fixed = plain.choose(CANDIDATES, [CONTEXT] * 50)
    assert {(choice.arm, choice.propensity, choice.held_back) for choice in fixed} == {(NEW, 1.0, ())}


def test_without_a_candidate_below_its_bound_the_policy_chooses() -> None:
    tier = Tier("S", 2, PolicySpec(name="p", algorithm="linucb", parameters={"epsilon": 0.0}), {})
    counts = dict.fromkeys(CANDIDATES, 0)
    for choice in tier.choose(CANDIDATES, [CONTEXT] * 200):
        full = tuple(arm for arm, count in counts.items() if count >= FREE_PULLS)
        assert choice.held_back == (full if len(full) < 3 else ())
        if len(full) in (0, 3):
            assert (choice.arm, choice.propensity) == (OLD, 1.0)
        counts[choice.arm] += 1
    assert min(counts.values()) >= FREE_PULLS


def test_requests_with_one_candidate_neither_have_a_bound_nor_count() -> None:
    tier = _tier("linucb")
    choices = tier.choose((NEW,), [CONTEXT] * 20)
    assert {(choice.arm, choice.propensity, choice.held_back) for choice in choices} == {(NEW, 1.0, ())}
    assert tier.under_way.counts() == {}


def test_a_conversation_keeps_its_arm_although_it_is_held_back() -> None:
    tier = _tier("linucb")
    tier.choose(CANDIDATES, [CONTEXT] * 64)
    stays, other = tier.choose(CANDIDATES, [CONTEXT] * 2, [Pin(NEW, 1.0), None])
    assert (stays.arm, stays.propensity, stays.pinned, stays.held_back) == (NEW, 1.0, True, ())
    assert other.held_back == (NEW,)


def test_scores_without_a_decision_have_the_same_distribution_and_count_nothing() -> None:
    tier = _tier("linucb")
    tier.choose(CANDIDATES, [CONTEXT] * 64)
    scoring = tier.score(CANDIDATES, CONTEXT)
    assert scoring.held_back == tier.held_back() == (NEW,)
    (choice,) = tier.choose(CANDIDATES, [CONTEXT])
    assert scoring.scores == choice.scores
    fresh = _tier("linucb")
    fresh.score(CANDIDATES, CONTEXT)
    assert fresh.under_way.counts() == {}


def test_a_pull_whose_outcome_does_not_come_is_counted_for_a_time() -> None:
    clock = [0.0]
    pulls = PullsUnderWay(90.0, clock=lambda: clock[0])
    for clock[0] in (0.0, 60.0):
        assert all(pulls.add_remote(NEW) for _ in range(4))
    assert pulls.full((NEW, OLD)) == (NEW,)
    assert not pulls.add_remote(NEW)
    clock[0] = 90.0
    assert (pulls.count(NEW), pulls.full((NEW,))) == (4, ())
    pulls.set_learned(NEW, 3)
    assert (pulls.count(NEW), pulls.bound(NEW)) == (1, FREE_PULLS + 12)
    while pulls.add_remote(NEW):
        pass
    assert (pulls.count(NEW), pulls.full((NEW,))) == (FREE_PULLS + 12, (NEW,))
    pulls.set_learned(NEW, 15)
    assert (pulls.count(NEW), pulls.full((NEW,))) == (FREE_PULLS, ())
    pulls.clear_learned()  # another log
    assert (pulls.bound(NEW), pulls.full((NEW,))) == (FREE_PULLS, (NEW,))
    assert pulls.take_unannounced() == []
