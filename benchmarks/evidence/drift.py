"""Drift: how soon traffic leaves a model that changed, what the alarm earns, and how often it is false."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pointsman.cli.devtools.demo.data import load_prompts
from pointsman.core.bandit import (
    Alarm,
    ArmEstimate,
    ArmStack,
    FloatArray,
    Learner,
    Policy,
    RewardRule,
    make_policy,
    sample,
)
from pointsman.core.features import prompt_features

CHANGE_AT, AFTER = 1_800, 900
SHARE_WINDOW = 50
POLICIES: dict[str, tuple[str, dict[str, float]]] = {
    "scaled-linucb": ("scaled-linucb", {}),
    "linucb α 0.5 ε 0.02": ("linucb", {"alpha": 0.5, "epsilon": 0.02}),
}
RULES = {
    "default rule": RewardRule(),
    "demo's rule": RewardRule(lambda_cost=0.5, normalizer="fixed", cost_bounds_usd=(0.0, 0.0025)),
}
MEDIAN_LATENCY_MS = (400.0, 900.0, 2_500.0)
"""Of the three models; latencies are not in the data, and are drawn from log-normal distributions (σ 0.5)."""
UPDATE_EVERY = 10
"""In the long runs for false alarms: outcomes between two updates of the replica."""


class Change(NamedTuple):
    """What the main model does differently from `CHANGE_AT` on: points of quality, factors of cost and latency."""

    name: str
    quality: float = 0.0
    cost: float = 1.0
    latency: float = 1.0


CHANGES = (
    Change("quality −20 points", quality=-20.0),
    Change("price × 10", cost=10.0),
    Change("price ÷ 10", cost=0.1),
    Change("latency × 3", latency=3.0),
)
MAIN = 1
"""Mistral Large serves most prompts under both rules."""


@dataclass(slots=True)
class Life:
    """One tier that decides, earns and learns, with the product's own classes."""

    policy: Policy
    rule: RewardRule
    seed: int
    every: int = 1
    change: Change | None = None
    learner: Learner = field(default_factory=Learner)
    alarms: list[tuple[int, int, Alarm]] = field(default_factory=list)
    arms: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def run(self, order: Callable[[np.random.Generator], int], requests: int) -> None:
        """Serve requests; the order draws the prompt of each."""
        rng = np.random.default_rng(self.seed)
        stack = ArmStack(CONTEXTS.shape[1])
        selection = stack.select(PROMPTS.arms)
        waiting: set[int] = set()
        for t in range(requests):
            prompt = order(rng)
            if t % self.every == 0:
                for arm in sorted(waiting):
                    stack.put(PROMPTS.arms[arm], self.learner.arms[PROMPTS.arms[arm]])
                waiting.clear()
                selection = stack.select(PROMPTS.arms)
            estimates = selection.estimate(CONTEXTS[prompt][None])
            p = self.policy.probabilities(estimates)[0]
            chosen = sample(p.tolist(), self.policy.exploration, float(rng.random())).candidate
            quality, cost = float(PROMPTS.quality[prompt, chosen]), float(PROMPTS.cost_usd[prompt, chosen])
            latency = MEDIAN_LATENCY_MS[chosen] * float(np.exp(0.5 * rng.standard_normal()))
            if self.change is not None and t >= CHANGE_AT and chosen == MAIN:
                quality = max(quality + self.change.quality, 0.0)
                cost, latency = cost * self.change.cost, latency * self.change.latency
            reward = self.learner.learn(
                PROMPTS.arms[chosen],
                CONTEXTS[prompt].tolist(),
                self.rule,
                sequence=t + 1,
                at_ms=t + 1,
                quality=quality,
                cost_usd=cost,
                latency_ms=latency,
                estimate=ArmEstimate(
                    mean=float(estimates.mean[0, chosen]),
                    width=float(estimates.width[0, chosen]),
                    prior=float(estimates.prior[0, chosen]),
                    sigma=float(estimates.sigma[chosen]),
                    pulls=int(estimates.pulls[chosen]),
                ),
            )
            waiting.add(chosen)
            self.arms.append(chosen)
            self.rewards.append(reward.value)
            if (alarm := self.learner.take_alarm()) is not None:
                self.alarms.append((t, chosen, alarm))


def changes() -> list[dict[str, Any]]:
    """Return a row for each change, rule, policy and setting of the alarm, over the seeds."""
    rows: list[dict[str, Any]] = []
    for (rule_name, rule), (policy_name, policy), change, alarm in itertools.product(
        RULES.items(), POLICIES.items(), CHANGES, (True, False)
    ):
        # Latencies are not in the data, so they count only where they change.
        mu = rule.mu_latency if change.latency != 1.0 else 0.0
        settings = msgspec.structs.replace(rule, mu_latency=mu, drift_alarm=alarm)
        kind = {"rule": rule_name, "policy": policy_name, "change": change.name, "alarm": alarm}
        rows.append(kind | _after_change(make_policy(*policy), settings, change))
        print(rows[-1], flush=True)
    return rows


def _after_change(policy: Policy, rule: RewardRule, change: Change) -> dict[str, Any]:
    halved, detected, first, later, early, before = [], [], [], [], 0, []
    for seed in range(SEEDS):
        life = Life(policy, rule, seed, change=change)
        life.run(_shuffled(seed), CHANGE_AT + AFTER)
        served = np.array([arm == MAIN for arm in life.arms])
        share = served[CHANGE_AT - 300 : CHANGE_AT].mean()
        rolling = np.convolve(served, np.ones(SHARE_WINDOW) / SHARE_WINDOW, "valid")[CHANGE_AT - SHARE_WINDOW + 2 :]
        under = np.flatnonzero(rolling <= share / 2.0)
        halved.append(int(under[0]) + 1 if len(under) else AFTER)
        after = [t - CHANGE_AT + 1 for t, arm, _ in life.alarms if t >= CHANGE_AT and arm == MAIN]
        detected.append(after[0] if after else AFTER)
        early += sum(t < CHANGE_AT for t, _, _ in life.alarms)
        before.append(np.mean(life.rewards[CHANGE_AT - 300 : CHANGE_AT]))
        first.append(np.mean(life.rewards[CHANGE_AT : CHANGE_AT + 300]))
        later.append(np.mean(life.rewards[CHANGE_AT:]))
    error = np.std(later, ddof=1) / np.sqrt(SEEDS)
    return {
        "before": float(np.mean(before)),
        "detected": median(detected),
        "detected p90": float(np.quantile(detected, 0.9)),
        "halved": median(halved),
        "halved p90": float(np.quantile(halved, 0.9)),
        "next 300": float(np.mean(first)),
        "next 900": float(np.mean(later)),
        "error": float(error),
        "alarms before": early,
    }


def false_alarms(outcomes: int) -> list[dict[str, Any]]:
    """Return the number of alarms in long runs in which nothing changes."""
    rows = []
    for name, run_length in (("prompts in random order", 1), ("runs of 30 similar prompts", 30)):
        for rule_name, rule in RULES.items():
            policy = make_policy(*POLICIES["scaled-linucb"])
            kinds: Counter[str] = Counter()
            lives = max(outcomes // 50_000, 1)
            for seed in range(lives):
                life = Life(policy, rule, seed, every=UPDATE_EVERY)
                life.run(_in_runs(run_length), outcomes // lives)
                kinds.update(alarm.signal for _, _, alarm in life.alarms)
            rows.append({"order": name, "rule": rule_name, "outcomes": outcomes, "alarms": dict(kinds)})
            print(rows[-1], flush=True)
    return rows


def _shuffled(seed: int) -> Callable[[np.random.Generator], int]:
    order: list[int] = np.random.default_rng(1_000 + seed).permutation(len(PROMPTS)).tolist()
    return lambda _: order.pop()


def _in_runs(mean_length: int) -> Callable[[np.random.Generator], int]:
    """Return an order: prompts of one of eight clusters of the contexts, for a geometric number of requests."""
    members = [np.flatnonzero(clusters() == at) for at in range(8)]
    at = 0

    def draw(rng: np.random.Generator) -> int:
        nonlocal at
        if rng.random() < 1.0 / mean_length:
            at = int(rng.choice(8, p=[len(group) / len(PROMPTS) for group in members]))
        return int(rng.choice(members[at]))

    return draw


def clusters() -> FloatArray:
    """Return the cluster of each prompt, by k-means on the standardised contexts."""
    z = (CONTEXTS - CONTEXTS.mean(axis=0)) / (CONTEXTS.std(axis=0) + 1e-9)
    centres = z[np.random.default_rng(0).choice(len(z), 8, replace=False)]
    labels = np.zeros(len(z))
    for _ in range(30):
        labels = ((z[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([z[labels == at].mean(axis=0) for at in range(8)])
    return labels


SEEDS = 20
PROMPTS = load_prompts()
CONTEXTS = np.array([prompt_features(text) for text in PROMPTS.texts])

if __name__ == "__main__":
    import sys

    changes() if "changes" in sys.argv else false_alarms(int(sys.argv[1]))
