"""A world with something to learn: three arms whose rewards depend on the context, each the best for a third of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pointsman.core.bandit import ArmStack, Learner, Policy, RewardRule, sample
from tests.unit.core.bandit.examples import some_arms

ARMS = some_arms(3)
NOISE = 10.0
"""Standard deviation of a reward of 0 to 100 around its mean."""


class Earned(NamedTuple):
    """Mean rewards, 0 to 100, without the noise; in the second half of the rounds, when there was time to learn.

    Attributes
    ----------
    policy, uniform : float
        What the policy earned, and what choosing evenly would have.
    """

    policy: float
    uniform: float


def play(policy: Policy, seed: int, *, rounds: int = 400, forgetting: float = 1.0, drift: bool = False) -> Earned:
    """Let the policy choose and learn from each outcome, as the running system does it but one by one.

    In a world with ``drift``, the arms' rewards are passed on, each to the next arm, halfway.
    """
    rng = np.random.default_rng(seed)
    theta = np.array([[50.0, 20.0, 0.0], [50.0, -10.0, 17.0], [50.0, -10.0, -17.0]])
    rule = RewardRule(forgetting=forgetting)
    learner, stack = Learner(), ArmStack(3)
    policy_sum = uniform_sum = 0.0
    for number in range(1, rounds + 1):
        if drift and number == rounds // 2 + 1:
            theta = np.roll(theta, 1, axis=0)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x = np.array([1.0, np.cos(angle), np.sin(angle)])
        p = policy.probabilities(stack.select(ARMS).estimate(x[None]))[0]
        chosen = sample(p, policy.exploration, float(rng.random())).candidate
        means = theta @ x
        reward = float(means[chosen] + NOISE * rng.normal())
        learner.learn(ARMS[chosen], x.tolist(), rule, sequence=number, at_ms=0, reward=reward)
        stack.put(ARMS[chosen], learner.arms[ARMS[chosen]])
        if number > rounds // 2:
            policy_sum += float(means[chosen])
            uniform_sum += float(means.mean())
    return Earned(2.0 * policy_sum / rounds, 2.0 * uniform_sum / rounds)
