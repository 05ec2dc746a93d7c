"""How much of what can be learned the policies have learned, after how many requests."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.life import RULES, Life, mean_and_error
from benchmarks.evidence.paragraph import paragraph
from benchmarks.evidence.world import FEATURES, World, demo_world, load_tables
from pointsman.core.bandit import FloatArray, RewardRule, make_policy

LIVES = 60
TRAIN = 1_785
"""The demo's prompts of the first file are served first, those of the second are what a policy is valued on."""
LAST = 900
MIN_GAP = 0.5
"""Points; of a smaller gap no share is reported."""
HORIZONS = (500, TRAIN)
CURVE = (10, 20, 50, 100, 200, 300, 500, 800, 1_200, TRAIN)
SETTINGS: dict[str, tuple[str, dict[str, float]]] = {
    "scaled-linucb (default)": ("scaled-linucb", {}),
    "scaled-thompson": ("scaled-thompson", {}),
    "epsilon-greedy": ("epsilon-greedy", {}),
    "linucb α 1.5 ε 0.05": ("linucb", {"alpha": 1.5, "epsilon": 0.05}),
}
ROWS = [*product(("chat", "prompt"), SETTINGS), ("meaning", "scaled-linucb (default)")]
"""Features and policy of each row of the demo's tables."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What there is to learn: from the best single model to the best choice that a linear model makes by request.

    Attributes
    ----------
    rewards, cost_usd : ndarray, shape (n, K)
        Of every model on every prompt; rewards are in points of 100.
    best : int
        The best single model: of the highest mean reward on the prompts that are served first.
    full : ndarray of int, shape (n,)
        For each prompt the model with the highest estimate of a ridge regression (ridge 1) that knows the rewards of
        all models on the prompts that are served first: *full information*, with the same features.
    """

    rewards: FloatArray
    cost_usd: FloatArray
    best: int
    full: NDArray[np.intp]

    @classmethod
    def of(cls, world: World, rule: RewardRule, train: int) -> Gap:
        """Return the gap, of which so many prompts are served first."""
        rewards, x = 100.0 * world.rewards(rule), world.contexts
        a = x[:train].T @ x[:train] + np.eye(x.shape[1])
        estimates = x @ np.linalg.solve(a, x[:train].T @ rewards[:train])
        return cls(rewards, world.cost_usd, int(rewards[:train].mean(axis=0).argmax()), estimates.argmax(axis=1))

    def size(self, prompts: NDArray[np.intp]) -> float:
        """Return the gap on these prompts, in points."""
        full, best = self.full[prompts], self.rewards[prompts, self.best]
        return float((self.rewards[prompts, full] - best).mean())

    def points(self, p: FloatArray, prompts: NDArray[np.intp]) -> float:
        """Return the reward of the distributions p, shape (n, K), less that of the best single model."""
        return float((np.vecdot(p, self.rewards[prompts]) - self.rewards[prompts, self.best]).mean())

    def share(self, p: FloatArray, prompts: NDArray[np.intp]) -> float:
        """Return the learnable share in percent: 0 for the best single model, 100 for full information.

        NaN if there is next to nothing to learn.
        """
        size = self.size(prompts)
        return 100.0 * self.points(p, prompts) / size if size >= MIN_GAP else float("nan")

    def cost_ratio(self, p: FloatArray, prompts: NDArray[np.intp]) -> float:
        """Return the expected cost of p divided by that of the best single model."""
        return float(np.vecdot(p, self.cost_usd[prompts]).sum() / self.cost_usd[prompts, self.best].sum())


class Course(NamedTuple):
    """What so many lives were worth on the held-out prompts after each horizon, and at their end.

    Attributes
    ----------
    share, points, cost : ndarray, shape (lives, horizons)
        Of the policy as it is after so many requests: learnable share in percent, reward less that of the best single
        model, and cost divided by that of the best single model.
    end : ndarray, shape (lives,)
        Learnable share of the last `LAST` requests that were served.
    quality, cost_usd : ndarray, shape (lives,)
        Mean quality (0 to 100) and cost of all requests.
    """

    share: FloatArray
    points: FloatArray
    cost: FloatArray
    end: FloatArray
    quality: FloatArray
    cost_usd: FloatArray


def measure(
    world: World,
    rule: RewardRule,
    setting: str,
    lives: int,
    *,
    train: int = TRAIN,
    horizons: Sequence[int] = HORIZONS,
    requests: int | None = None,
) -> Course:
    """Serve the first ``train`` prompts in random order, then the others, and value the policy at the horizons.

    Parameters
    ----------
    requests : int, optional
        How many are served; one for each prompt when left out.
    """
    gap, policy = Gap.of(world, rule, train), make_policy(*SETTINGS[setting])
    rows = [_life(world, gap, Life(world, policy, rule, seed), train, horizons, requests) for seed in range(lives)]
    at_horizons = np.array([values for values, _ in rows])
    return Course(*np.moveaxis(at_horizons, 2, 0), *np.array([end for _, end in rows]).T)


def _life(
    world: World, gap: Gap, life: Life, train: int, horizons: Sequence[int], requests: int | None
) -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
    rng = np.random.default_rng(1_000 + life.seed)
    held_out = np.arange(train, len(world.contexts))
    order = [*rng.permutation(train).tolist(), *rng.permutation(held_out).tolist()]
    values: list[tuple[float, ...]] = []
    for horizon in horizons:
        life.serve(order[len(life.arms) : horizon])
        p = life.distribution(held_out)
        values.append((gap.share(p, held_out), gap.points(p, held_out), gap.cost_ratio(p, held_out)))
    life.serve(order[len(life.arms) : requests])
    p, prompts = np.array(life.p), np.array(life.prompts)
    quality, cost = (float(np.vecdot(p, of[prompts]).mean()) for of in (100.0 * world.quality, world.cost_usd))
    return values, (gap.share(p[-LAST:], prompts[-LAST:]), quality, cost)


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    lives = lives or LIVES
    return "\n".join([*_about(lives), *_demo(lives), *_other_worlds(lives)]) + "\n"


def _about(lives: int) -> list[str]:
    return [
        "# Evidence: learning",
        "",
        *paragraph(
            f"{lives} lives for each row; ±: standard error over the lives. Each request has one outcome at once, "
            f"of the model that served it. The {TRAIN:,} prompts of the demo's first file come first, in random "
            "order, then the 1,824 of the second. After 500 and 1,785 requests, the policy as it is then, with all "
            "its exploration, is valued on all prompts of the second file, which it has not seen. The last column "
            f"is the mean of the last {LAST} requests."
        ),
        *paragraph(
            "*Learnable share*: 0 % is the best single model, chosen with knowledge of all outcomes; 100 % is full "
            "information: for each prompt the model with the highest estimate of a ridge regression that knows the "
            "outcomes of all models on the first file, with the same features. An oracle, which knows the outcome "
            "itself, is beyond it."
        ),
        *paragraph(
            "Features: `chat` (12) are those of the gateway, `prompt` (12) those of the demo, `meaning` (37) those "
            "that `pointsman init` configures."
        ),
    ]


def _demo(lives: int) -> list[str]:
    worlds = {name: demo_world(features=name) for name in FEATURES}
    learned = ["| features | policy | at 500 | at 1,785 | at 3,609 |", "|---|---|---:|---:|---:|"]
    default = [
        "| features | policy | points at 500 | cost at 500 | points at 1,785 | cost at 1,785 |",
        "|---|---|---:|---:|---:|---:|",
    ]
    gaps, whole = [], ["| policy | quality | $ for 1,000 requests |", "|---|---:|---:|"]
    for features, setting in ROWS:
        world = worlds[features]
        print(f"  {features}, {setting}", file=sys.stderr, flush=True)
        course = measure(world, RULES["demo's rule"], setting, lives)
        at = [shown(of) for of in course.share.T]
        learned.append(f"| {features} | {setting} | {' | '.join(at)} | {shown(course.end)} |")
        if features == "prompt":
            whole.append(f"| {setting} | {shown(course.quality, 2)} | {shown(1e3 * course.cost_usd, 4)} |")
        course = measure(world, RULES["default rule"], setting, lives, requests=TRAIN)
        points = [shown(of, 2) for of in course.points.T]
        cost = [shown(of, 2) for of in course.cost.T]
        default.append(f"| {features} | {setting} | {points[0]} | {cost[0]} | {points[1]} | {cost[1]} |")
    for (features, world), (name, rule) in product(worlds.items(), RULES.items()):
        gap, held_out = Gap.of(world, rule, TRAIN), np.arange(TRAIN, len(world.contexts))
        best, oracle = gap.rewards[held_out, gap.best].mean(), gap.rewards[held_out].max(axis=1).mean()
        gaps.append(f"| {name} | {features} | {best:.2f} | {best + gap.size(held_out):.2f} | {oracle:.2f} |")
    single = worlds["prompt"]
    for k, arm in enumerate(single.arms):
        quality, cost = 100.0 * single.quality[:, k].mean(), 1e3 * single.cost_usd[:, k].mean()
        whole.append(f"| only {arm.model} | {quality:.2f} | {cost:.4f} |")
    return [
        "## What there is to learn",
        "",
        *paragraph(
            "Mean reward on the second file, 0 to 100. Under the default rule the prompts' text is of no use: the "
            "best single model is the best choice for (nearly) every prompt by what a linear model can learn."
        ),
        "| rule | features | best single model | full information | oracle |",
        "|---|---|---:|---:|---:|",
        *gaps,
        "",
        "## Learnable share, demo's rule, %",
        "",
        *paragraph("Targets for what is shipped: 60, 90 and 95 %."),
        *learned,
        "",
        "## Against the best single model, default rule",
        "",
        *paragraph(
            "*Points* of reward (0 to 100) more than the best single model, and cost divided by its cost. Targets "
            "for what is shipped, at 500: −0.2 points or better, 1.2 × or less."
        ),
        *default,
        "",
        "## All 3,609 requests, demo's rule",
        "",
        *paragraph("Mean over all requests from the first on, with the demo's features."),
        *whole,
        "",
    ]


def _other_worlds(lives: int) -> list[str]:
    """Return the table of the optional worlds, in which the first two thirds of the prompts are served."""
    lines = [
        "## Other worlds",
        "",
        *paragraph(
            "The first two thirds of the prompts are served in random order, and the rest is what the policy is "
            "valued on. Rewards are between the lowest cost and the 95 % quantile of all costs, λ 0.3."
        ),
        "| world | best single, full information, oracle | policy | points at 500 | at the end | share at the end, % |",
        "|---|---|---|---:|---:|---:|",
    ]
    for world in load_tables():
        train = 2 * len(world.contexts) // 3
        gap, held_out = Gap.of(world, world.rule(), train), np.arange(train, len(world.contexts))
        best, oracle = gap.rewards[held_out, gap.best].mean(), gap.rewards[held_out].max(axis=1).mean()
        there = f"{best:.2f}, {best + gap.size(held_out):.2f}, {oracle:.2f}"
        for setting in SETTINGS:
            course = measure(
                world, world.rule(), setting, lives, train=train, horizons=(HORIZONS[0], train), requests=train
            )
            points = [shown(of, 2) for of in course.points.T]
            lines.append(
                f"| {world.name}, {train:,} | {there} | {setting} | {points[0]} | {points[1]} |"
                f" {shown(course.share[:, 1])} |"
            )
    return lines


def shown(values: FloatArray, digits: int = 0) -> str:
    """Return mean and standard error."""
    mean, error = mean_and_error(values)
    return "—" if np.isnan(mean) else f"{mean:.{digits}f} ± {error:.{digits}f}"
