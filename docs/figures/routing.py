"""Route the demo's prompts in memory with the library's policy and learner, for the figures of the concepts page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pointsman.cli.devtools.demo.data import load_prompts
from pointsman.core.bandit import Arm, ArmStack, FloatArray, Learner, Policy, RewardRule, make_policy, sample
from pointsman.core.features import prompt_features

RULE = RewardRule(lambda_cost=0.5, mu_latency=0.0, normalizer="fixed", cost_bounds_usd=(0.0, 0.0025))
"""The reward rule of the demo."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The results of K models on N prompts: ``contexts`` has shape (N, d), the others (N, K)."""

    arms: tuple[Arm, ...]
    contexts: FloatArray
    quality: FloatArray
    cost_usd: FloatArray
    rewards: FloatArray


@dataclass(frozen=True, slots=True)
class Routed:
    """A run over T prompts in the order of ``order``: distributions and widths (T, K), what was drawn (T,)."""

    order: NDArray[np.intp]
    p: FloatArray
    width: FloatArray
    chosen: NDArray[np.intp]
    explored: NDArray[np.bool_]


@cache
def prompts() -> Prompts:
    """Return the demo's prompts; rewards are 0 to 1."""
    loaded = load_prompts()
    contexts = np.array([prompt_features(text) for text in loaded.texts])
    return Prompts(loaded.arms, contexts, loaded.quality, loaded.cost_usd, loaded.rewards(RULE) / 100.0)


def route(seed: int, policy: Policy | None = None, watched: Sequence[float] | None = None) -> Routed:
    """Route all prompts in random order, and learn from each answer at once.

    Parameters
    ----------
    policy : Policy, optional
        LinUCB with α 0.5 and ε 0.1 when left out.
    watched : sequence of float, length d, optional
        The context that ``width`` is of; each prompt's own when left out.
    """
    world, rng = prompts(), np.random.default_rng(seed)
    policy = policy or make_policy("linucb", {"alpha": 0.5, "epsilon": 0.1})
    learner, stack = Learner(), ArmStack(world.contexts.shape[1])
    order = rng.permutation(len(world.contexts))
    shape = (len(order), len(world.arms))
    routed = Routed(order, np.empty(shape), np.empty(shape), np.empty(len(order), np.intp), np.empty(len(order), bool))
    for t, prompt in enumerate(order.tolist()):
        arms = stack.select(world.arms)
        estimates = arms.estimate(world.contexts[prompt][None])
        routed.p[t] = policy.probabilities(estimates)[0]
        routed.width[t] = estimates.width[0] if watched is None else arms.estimate(np.array([watched])).width[0]
        drawn = sample(routed.p[t].tolist(), policy.exploration, float(rng.random()))
        routed.chosen[t], routed.explored[t] = drawn.candidate, drawn.explored
        arm = world.arms[drawn.candidate]
        learner.learn(
            arm,
            world.contexts[prompt].tolist(),
            RULE,
            sequence=t + 1,
            at_ms=t + 1,
            quality=float(world.quality[prompt, drawn.candidate]),
            cost_usd=float(world.cost_usd[prompt, drawn.candidate]),
        )
        stack.put(arm, learner.arms[arm])
    return routed


def named(arm: Arm) -> str:
    """Return an arm's model."""
    return arm.model
