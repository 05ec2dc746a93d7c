"""One tier in a world of known outcomes: it decides, earns and learns, with the product's own classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.world import World
from pointsman.core.bandit import (
    Alarm,
    ArmEstimate,
    ArmStack,
    Estimates,
    FloatArray,
    Learner,
    Policy,
    Reward,
    RewardRule,
    RewardSettings,
    Selection,
    sample,
)

RULES = {
    "default rule": RewardRule(normalizer=RewardSettings().normalizer),
    "demo's rule": RewardRule(lambda_cost=0.5, normalizer="fixed", cost_bounds_usd=(0.0, 0.0025)),
}
"""What is shipped, and the rule of `pointsman demo`, under which the best model depends on the prompt."""


class Answer(NamedTuple):
    """What an outcome reports; the quality is 0 to 100."""

    quality: float
    cost_usd: float
    latency_ms: float | None = None


Answers = Callable[[int, int, int, np.random.Generator], Answer]
"""The answer to a request: its number from 0 on, its prompt, the arm, and the life's random numbers."""


@dataclass(slots=True)
class Life:
    """One tier.

    Attributes
    ----------
    every : int
        Outcomes between two updates of the replica.
    candidates : list of int
        The arms of the world that may serve, all at first; may be replaced between two calls of `serve`.
    answers : callable
        Those of the world when left out.
    p : list of ndarray, shape (K,)
        The distribution of each request over the arms of the world.
    alarms : list of (request, arm, Alarm)
    """

    world: World
    policy: Policy
    rule: RewardRule
    seed: int
    every: int = 1
    answers: Answers | None = None
    candidates: list[int] = field(default_factory=list)
    learner: Learner = field(default_factory=Learner)
    prompts: list[int] = field(default_factory=list)
    arms: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    p: list[FloatArray] = field(default_factory=list)
    alarms: list[tuple[int, int, Alarm]] = field(default_factory=list)
    _outcomes: int = 0
    _stack: ArmStack = field(init=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Start without outcomes."""
        self.candidates = self.candidates or list(range(len(self.world.arms)))
        self._stack = ArmStack(self.world.contexts.shape[1])
        self._rng = np.random.default_rng(self.seed)

    def serve(self, prompts: Iterable[int]) -> None:
        """Serve a request for each prompt, and learn from its outcome at once."""
        selection, waiting = self._select(), set[int]()
        for prompt in prompts:
            t = len(self.arms)
            if t % self.every == 0 and waiting:
                for arm in sorted(waiting):
                    self._stack.put(self.world.arms[arm], self.learner.arms[self.world.arms[arm]])
                waiting.clear()
                selection = self._select()
            estimates = selection.estimate(self.world.contexts[prompt][None])
            p = self.policy.probabilities(estimates)[0]
            at = sample(p.tolist(), self.policy.exploration, float(self._rng.random())).candidate
            chosen = self.candidates[at]
            answer = self._answer(t, prompt, chosen)
            reward = self._learn(prompt, chosen, answer, _estimate(estimates, at))
            waiting.add(chosen)
            distribution = np.zeros(len(self.world.arms))
            distribution[self.candidates] = p
            self.p.append(distribution)
            self.prompts.append(prompt)
            self.arms.append(chosen)
            self.rewards.append(reward.value)
            if (alarm := self.learner.take_alarm()) is not None:
                self.alarms.append((t, chosen, alarm))
        for arm in sorted(waiting):
            self._stack.put(self.world.arms[arm], self.learner.arms[self.world.arms[arm]])

    def import_labels(self, prompts: Iterable[int]) -> None:
        """Learn from the outcomes of all arms on these prompts, which no decision served."""
        for prompt in prompts:
            for arm, name in enumerate(self.world.arms):
                self._learn(prompt, arm, self._answer(len(self.arms), prompt, arm), None)
                self._stack.put(name, self.learner.arms[name])

    def estimates(self, prompts: NDArray[np.intp]) -> Estimates:
        """Return the estimates of the candidates for each of these prompts as of now."""
        return self._select().estimate(self.world.contexts[prompts])

    def distribution(self, prompts: NDArray[np.intp]) -> FloatArray:
        """Return the distribution over the arms of the world for each of these prompts as of now, shape (n, K)."""
        p = np.zeros((len(prompts), len(self.world.arms)))
        p[:, self.candidates] = self.policy.probabilities(self.estimates(prompts))
        return p

    def _select(self) -> Selection:
        return self._stack.select([self.world.arms[arm] for arm in self.candidates])

    def _answer(self, t: int, prompt: int, arm: int) -> Answer:
        if self.answers is not None:
            return self.answers(t, prompt, arm, self._rng)
        return Answer(100.0 * float(self.world.quality[prompt, arm]), float(self.world.cost_usd[prompt, arm]))

    def _learn(self, prompt: int, arm: int, answer: Answer, estimate: ArmEstimate | None) -> Reward:
        self._outcomes += 1
        return self.learner.learn(
            self.world.arms[arm],
            self.world.contexts[prompt].tolist(),
            self.rule,
            sequence=self._outcomes,
            at_ms=self._outcomes,
            quality=answer.quality,
            cost_usd=answer.cost_usd,
            latency_ms=answer.latency_ms,
            estimate=estimate,
        )


def _estimate(estimates: Estimates, at: int) -> ArmEstimate:
    return ArmEstimate(
        mean=float(estimates.mean[0, at]),
        width=float(estimates.width[0, at]),
        prior=float(estimates.prior[0, at]),
        sigma=float(estimates.sigma[at]),
        pulls=int(estimates.pulls[at]),
    )


MEDIAN_LATENCY_MS = (400.0, 900.0, 2_500.0)
"""Of the demo's three models; latencies are not in the data, and are drawn from log-normal distributions (σ 0.5)."""


def with_latency(world: World) -> Answers:
    """Return the answers of the demo's world with latencies."""

    def answers(_: int, prompt: int, arm: int, rng: np.random.Generator) -> Answer:
        latency = MEDIAN_LATENCY_MS[arm] * float(np.exp(0.5 * rng.standard_normal()))
        return Answer(100.0 * float(world.quality[prompt, arm]), float(world.cost_usd[prompt, arm]), latency)

    return answers


def shuffled(world: World, seed: int) -> list[int]:
    """Return the prompts of a world in random order."""
    order: list[int] = np.random.default_rng(1_000 + seed).permutation(len(world.contexts)).tolist()
    return order


def mean_and_error(values: FloatArray) -> tuple[float, float]:
    """Return the mean over the lives and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
