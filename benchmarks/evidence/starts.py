"""New models and new tiers: what an added model costs, and what labelled prompts save."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from benchmarks.evidence.learning import TRAIN, Gap
from benchmarks.evidence.life import RULES, Life, mean_and_error, shuffled
from benchmarks.evidence.paragraph import paragraph
from benchmarks.evidence.world import World, demo_world
from pointsman.core.bandit import Arm, FloatArray, RewardRule, make_policy

LIVES = 60
ADDED_AT, AFTER, WINDOW = 1_500, 900, 50
PROPER = 0.9
BEST = 1
"""Mistral Large is the best single model of the demo's under both rules."""
WORST_QUALITY = 0.2
LABELLED = (0, 30, 100, 300)
FIRST = 200
SETTINGS: dict[str, tuple[str, dict[str, float]]] = {
    "scaled-linucb (default)": ("scaled-linucb", {}),
    "linucb α 1.5 ε 0.05": ("linucb", {"alpha": 1.5, "epsilon": 0.05}),
}


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    lives = lives or LIVES
    world = demo_world(features="chat")
    lines = [
        "# Evidence: new models and labelled prompts",
        "",
        *paragraph(
            f"On the demo's prompts in random order, with the chat features; {lives} lives each, ±: standard error. "
            "A *request's worth* is 100 points of reward."
        ),
        "## A better model is added",
        "",
        *paragraph(
            f"The best single model is added at request {ADDED_AT:,}. Its *proper share* is what it has in lives in "
            f"which it was there from the start. *After*: requests until it has had {PROPER:.0%} of it among the "
            f"last {WINDOW}; median, nine of ten in brackets; {WINDOW} is the least that can be measured. The "
            "target is at most 100."
        ),
        "| rule | policy | proper share | share of the first 100 | after |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {r['rule']} | {r['setting']} | {r['proper']:.0%} | {r['first']:.0%} | {r['median']:.0f} ({r['most']:.0f}) |"
        for r in better_model(world, lives)
    ]
    lines += [
        "",
        "## A worse model is added",
        "",
        *paragraph(
            f"At request {ADDED_AT:,} a model is added that earns {100 * WORST_QUALITY:.0f} points on average, 0 or "
            f"100 each. *Costs*: the reward of the next {AFTER} requests less than in the same lives without it, in "
            "requests' worth; its *requests* are among these. The target is less than 10."
        ),
        "| rule | policy | price | requests | costs |",
        "|---|---|---|---:|---:|",
    ]
    lines += [
        f"| {r['rule']} | {r['setting']} | {r['price']} | {r['requests']:.1f} | {r['costs'][0]:.1f} ±"
        f" {r['costs'][1]:.1f} |"
        for r in worse_model(world, lives)
    ]
    lines += [
        "",
        "## Labelled prompts before the first request",
        "",
        *paragraph(
            "The outcomes of all models on so many prompts are learned before the first request. *Regret*: what "
            f"the choice with full information earns on the first {FIRST} requests more than the policy, in "
            "requests' worth. The target is at most 1.5 with 100 labelled prompts."
        ),
        "| rule | policy | " + " | ".join(f"{n} labelled" for n in LABELLED) + " |",
        "|---|---|" + "---:|" * len(LABELLED),
    ]
    lines += [
        f"| {r['rule']} | {r['setting']} | " + " | ".join(f"{m:.1f} ± {e:.1f}" for m, e in r["regret"]) + " |"
        for r in labelled(world, lives)
    ]
    return "\n".join(lines) + "\n"


def better_model(world: World, lives: int) -> list[dict[str, Any]]:
    """Return how soon the best single model is used when it is added."""
    rows: list[dict[str, Any]] = []
    without = [arm for arm in range(len(world.arms)) if arm != BEST]
    for (rule_name, rule), name in product(RULES.items(), SETTINGS):
        added = np.array([_served(world, rule, name, seed, without)[:, BEST] for seed in range(lives)])
        there = np.array([_served(world, rule, name, seed, None)[:, BEST] for seed in range(lives)])
        after = [reached(share, PROPER * float(there.mean())) for share in added]
        rows.append(
            {
                "rule": rule_name,
                "setting": name,
                "proper": float(there.mean()),
                "first": float(added[:, :100].mean()),
                "median": float(np.median(after)),
                "most": float(np.quantile(after, 0.9)),
            }
        )
    return rows


def _served(world: World, rule: RewardRule, setting: str, seed: int, before: list[int] | None) -> FloatArray:
    """Return the distributions from `ADDED_AT` on, shape (AFTER, K), of a life with these arms until then."""
    life = Life(world, make_policy(*SETTINGS[setting]), rule, seed, candidates=before or [])
    order = shuffled(world, seed)[: ADDED_AT + AFTER]
    life.serve(order[:ADDED_AT])
    life.candidates = list(range(len(world.arms)))
    life.serve(order[ADDED_AT:])
    return np.array(life.p[ADDED_AT:])


def reached(share: FloatArray, proper: float) -> int:
    """Return after how many requests the mean of the last `WINDOW` is this share; `AFTER` if never."""
    rolling = np.convolve(share, np.ones(WINDOW) / WINDOW, "valid")
    reached = np.flatnonzero(rolling >= proper)
    return int(reached[0]) + WINDOW if len(reached) else AFTER


def worse_model(world: World, lives: int) -> list[dict[str, Any]]:
    """Return what a bad model costs when it is added, at the price of each of the others."""
    rows: list[dict[str, Any]] = []
    before = list(range(len(world.arms)))
    orders = np.array([shuffled(world, seed)[ADDED_AT : ADDED_AT + AFTER] for seed in range(lives)])
    for (rule_name, rule), name in product(RULES.items(), SETTINGS):
        without = np.array([_served(world, rule, name, seed, None) for seed in range(lives)])
        for like in before:
            bigger = with_bad_arm(world, like)
            rewards = 100.0 * bigger.rewards(rule)[orders]
            p = np.array([_served(bigger, rule, name, seed, before) for seed in range(lives)])
            lost = np.vecdot(without, rewards[..., :-1]) - np.vecdot(p, rewards)
            rows.append(
                {
                    "rule": rule_name,
                    "setting": name,
                    "price": f"as {world.arms[like].model}",
                    "requests": float(p[..., -1].sum(axis=1).mean()),
                    "costs": mean_and_error(lost.sum(axis=1) / 100.0),
                }
            )
    return rows


def with_bad_arm(world: World, like: int) -> World:
    rng = np.random.default_rng(7)
    quality = (rng.random((len(world.contexts), 1)) < WORST_QUALITY).astype(np.float64)
    return World(
        world.name,
        (*world.arms, Arm("added", "bad")),
        world.contexts,
        np.hstack([world.quality, quality]),
        np.hstack([world.cost_usd, world.cost_usd[:, like : like + 1]]),
    )


def labelled(world: World, lives: int) -> list[dict[str, Any]]:
    """Return the regret of the first requests after labelled prompts."""
    rows: list[dict[str, Any]] = []
    for (rule_name, rule), name in product(RULES.items(), SETTINGS):
        totals = [regrets(world, rule, name, lives, number)[:, -1] for number in LABELLED]
        rows.append({"rule": rule_name, "setting": name, "regret": [mean_and_error(of) for of in totals]})
    return rows


def regrets(world: World, rule: RewardRule, setting: str, lives: int, number: int) -> FloatArray:
    """Return the regret against full information up to each of the first requests, shape (lives, FIRST).

    In requests' worth. The labelled prompts are others than those that are served.
    """
    gap, policy, found = Gap.of(world, rule, TRAIN), make_policy(*SETTINGS[setting]), []
    for seed in range(lives):
        order = np.random.default_rng(1_000 + seed).permutation(TRAIN)
        requests = order[:FIRST]
        life = Life(world, policy, rule, seed)
        life.import_labels(order[FIRST : FIRST + number].tolist())
        life.serve(requests.tolist())
        full = gap.rewards[requests, gap.full[requests]]
        found.append(np.cumsum(full - np.vecdot(np.array(life.p), gap.rewards[requests])) / 100.0)
    return np.array(found)
