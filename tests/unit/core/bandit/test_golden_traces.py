"""The reference's own runs, reproduced: matrices to the last bit, scores and rewards to rounding."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pointsman.core.bandit import Arm, ArmStack, Learner, LinUCB, Ranges, RewardRule, conform, sample
from tests.support.repository import ROOT

GOLDEN = ROOT / "tests" / "golden"
TRACES = {"linucb_trace.json": 0.05, "linucb_greedy_trace.json": 0.0}
"""Each recorded run, and the exploration rate that it was made with."""

pytestmark = pytest.mark.parametrize("name", TRACES)


def _trace(name: str) -> dict[str, Any]:
    trace: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return trace


def _one_draw(draws: list[float], epsilon: float) -> float:
    """Return the number that `sample` takes for the reference's two: whether to explore, and then what."""
    whether = draws[0]
    if whether < epsilon:
        return draws[1] * epsilon
    return max(whether, epsilon)


class _Replay:
    """Takes the events of a trace in turn."""

    def __init__(self, dim: int, policy: LinUCB) -> None:
        self.policy = policy
        self.learners: dict[str, Learner] = {}
        self._dim = dim
        self._stacks: dict[str, ArmStack] = {}
        self._taken = 0

    def update(self, event: dict[str, Any]) -> None:
        self._taken += 1
        arm = Arm(event["provider"], event["model"])
        learner = self.learners.setdefault(event["tier"], Learner())
        x = conform(event["context"], self._dim, "pad")
        learner.learn(arm, x, RewardRule(), sequence=self._taken, at_ms=0, reward=event["reward"])
        self._stack(event["tier"]).put(arm, learner.arms[arm])

    def pick(self, event: dict[str, Any]) -> tuple[Arm, bool, float]:
        """Return what is picked, whether by exploration, and the pick's UCB."""
        candidates = [Arm(**candidate) for candidate in event["candidates"]]
        contexts = np.array([conform(event["context"], self._dim, "pad")])
        scores = self._stack(event["tier"]).select(candidates).estimate(contexts)
        p = self.policy.probabilities(scores)[0]
        epsilon = self.policy.exploration
        drawn = sample(p, epsilon, _one_draw(event["draws"], epsilon))
        ucb = scores.mean[0, drawn.candidate] + self.policy.alpha * scores.width[0, drawn.candidate]
        return candidates[drawn.candidate], drawn.explored, float(ucb)

    def _stack(self, tier: str) -> ArmStack:
        return self._stacks.setdefault(tier, ArmStack(self._dim))


def test_every_pick_and_its_ucb_are_those_of_the_reference(name: str) -> None:
    trace = _trace(name)
    replay = _Replay(trace["dim"], LinUCB(trace["alpha"], TRACES[name]))
    picks = explored_picks = 0
    for event in trace["events"]:
        if event["op"] == "update":
            replay.update(event)
            continue
        expected = event["expect"]
        arm, explored, ucb = replay.pick(event)
        assert (arm, explored) == (Arm(expected["provider"], expected["model"]), expected["explored"])
        if expected["ucb"] is not None:  # the reference computes none when it explores
            assert ucb == pytest.approx(expected["ucb"], rel=1e-9, abs=0.0)
        picks += 1
        explored_picks += explored
    assert picks > 400
    assert (explored_picks > 0) == (TRACES[name] > 0.0)


def test_matrices_and_counts_are_those_of_the_reference_to_the_last_bit(name: str) -> None:
    trace = _trace(name)
    replay = _Replay(trace["dim"], LinUCB(trace["alpha"], TRACES[name]))
    for event in trace["events"]:
        if event["op"] == "update":
            replay.update(event)
    learned = {f"{tier}|{arm}" for tier, learner in replay.learners.items() for arm in learner.arms}
    assert learned == set(trace["arms"])
    for key, expected in trace["arms"].items():
        tier, _, arm = key.partition("|")
        state = replay.learners[tier].arms[Arm.parse(arm)]
        assert state.A.tobytes() == np.array(expected["A"], dtype=np.float64).tobytes()
        assert state.b.tobytes() == np.array(expected["b"], dtype=np.float64).tobytes()
        assert state.n == expected["count"]


def test_rewards_with_their_running_ranges_are_those_of_the_reference(name: str) -> None:
    trace = _trace(name)
    rule = RewardRule(lambda_cost=trace["lambda_cost"], mu_latency=trace["mu_latency"])
    ranges = Ranges()
    for row in trace["rewards"]:
        reward = ranges.reward(rule, row["quality"], row["cost_usd"], row["latency_ms"])
        assert reward.value == pytest.approx(row["expect"], abs=1e-12, rel=0.0)
