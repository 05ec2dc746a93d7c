"""Whether a policy can be locked in on a worse model, and what one absurd outcome changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.evidence.life import RULES, Answer, Answers, Life, mean_and_error, shuffled, with_latency
from benchmarks.evidence.paragraph import paragraph
from benchmarks.evidence.world import World, demo_world
from pointsman.core.bandit import FloatArray, Policy, RewardRule, make_policy
from pointsman.core.bounds import MAX_COST_USD, MAX_LATENCY_MS

LIVES = 200
REQUESTS, LAST, MOST, TRIED = 1_500, 500, 0.95, 10
BEST = 1
"""Mistral Large is the best single model of the demo's under both rules."""
DEFAULT: tuple[str, dict[str, float]] = ("scaled-linucb", {})
SETTINGS: dict[str, tuple[str, dict[str, float]]] = {
    "scaled-linucb (default)": DEFAULT,
    "scaled-linucb without exploration at random": (
        "scaled-linucb",
        {"epsilon": 0.0, "cost_share": 0.0, "warm_up": 0.0},
    ),
    "linucb α 0.25 ε 0": ("linucb", {"alpha": 0.25, "epsilon": 0.0}),
}

PAIRS = 60
OUTLIER_AT, AFTER = 500, 500
OUTLIERS: dict[str, dict[str, float]] = {
    "$2": {"cost_usd": 2.0},
    "$100": {"cost_usd": 100.0},
    f"${MAX_COST_USD:,.0f}, the largest cost that is accepted": {"cost_usd": MAX_COST_USD},
    f"{MAX_LATENCY_MS:,.0f} ms, the largest latency": {"latency_ms": MAX_LATENCY_MS},
}
OUTLIER_SETTINGS: dict[str, tuple[RewardRule, tuple[str, dict[str, float]]]] = {
    **{name: (rule, DEFAULT) for name, rule in RULES.items()},
    "default rule with minmax": (RewardRule(), DEFAULT),
    "the same, linucb α 1.5 ε 0.05": (RewardRule(), ("linucb", {"alpha": 1.5, "epsilon": 0.05})),
}


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    world = demo_world(features="chat")
    lines = [
        "# Evidence: lock-in and outliers",
        "",
        *paragraph("On the demo's prompts in random order, with the chat features."),
        "## Lock-in",
        "",
        *paragraph(
            f"*Locked in*: more than {MOST:.0%} of the last {LAST} of {REQUESTS:,} requests go to one model that is "
            f"not the best single one, and the best one had at most {TRIED} requests in the whole life. "
            f"*One-sided*: the first condition alone. {lives or LIVES} lives each. The last setting shows that "
            "the measure finds lock-in."
        ),
        "| rule | policy | locked in | one-sided |",
        "|---|---|---:|---:|",
    ]
    lines += [
        f"| {r['rule']} | {r['setting']} | {r['locked']:.1%} | {r['one_sided']:.1%} |"
        for r in lock_in(world, lives or LIVES)
    ]
    lines += [
        "",
        "## One absurd outcome",
        "",
        *paragraph(
            f"Two lives with the same random numbers; in one of them, the outcome of request {OUTLIER_AT} has this "
            f"cost or latency. *Moved*: the share of the next {AFTER} requests that another model serves in total; "
            "*by request*: the mean over the requests of the probability that moved. *Another answer* is what an "
            "ordinary change does: the outcome is that of another prompt. *Spend*: the expected cost of these "
            f"requests, divided. {lives or PAIRS} pairs, ±: standard error. The target is less than 2 % moved."
        ),
        "| rule, policy | the outcome | moved | by request | spend | alarms |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['rule']} | {r['outlier']} | {r['moved'][0]:.1f} ± {r['moved'][1]:.1f} %"
        f" | {r['each'][0]:.1f} ± {r['each'][1]:.1f} % | × {r['spend']:.2f} | {r['alarms']} |"
        for r in outliers(world, lives or PAIRS)
    ]
    return "\n".join(lines) + "\n"


def lock_in(world: World, lives: int) -> list[dict[str, Any]]:
    """Return for each rule and setting the shares of lives that are locked in, and one-sided."""
    rows: list[dict[str, Any]] = []
    for rule_name, rule in RULES.items():
        for name, setting in SETTINGS.items():
            policy = make_policy(*setting)
            found = [locked_in(_served(world, policy, rule, seed), len(world.arms)) for seed in range(lives)]
            locked, one_sided = np.mean(found, axis=0).tolist()
            rows.append({"rule": rule_name, "setting": name, "locked": locked, "one_sided": one_sided})
    return rows


def _served(world: World, policy: Policy, rule: RewardRule, seed: int) -> list[int]:
    life = Life(world, policy, rule, seed)
    life.serve(shuffled(world, seed)[:REQUESTS])
    return life.arms


def locked_in(arms: list[int], number: int) -> tuple[bool, bool]:
    """Return whether the life is locked in, and whether it is one-sided, from the arms that served."""
    last = np.bincount(arms[-LAST:], minlength=number)
    one_sided = bool(last.max() > MOST * LAST and last.argmax() != BEST)
    return one_sided and arms.count(BEST) <= TRIED, one_sided


def outliers(world: World, pairs: int) -> list[dict[str, Any]]:
    """Return for each rule and outlier what is served otherwise than without it."""
    rows: list[dict[str, Any]] = []
    for rule_name, (rule, setting) in OUTLIER_SETTINGS.items():
        policy = make_policy(*setting)
        usual = [_after_outlier(world, policy, rule, seed, None) for seed in range(pairs)]
        kinds: dict[str, dict[str, float]] = {"another answer": {}} | OUTLIERS
        for name, outlier in kinds.items():
            lives = [_after_outlier(world, policy, rule, seed, outlier) for seed in range(pairs)]
            p, q = (np.array([life.p[OUTLIER_AT:] for life in of]) for of in (usual, lives))
            cost = np.array([world.cost_usd[life.prompts[OUTLIER_AT:]] for life in usual])
            rows.append(
                {
                    "rule": rule_name,
                    "outlier": name,
                    "moved": mean_and_error(100.0 * moved(p.mean(axis=1), q.mean(axis=1))),
                    "each": mean_and_error(100.0 * moved(p, q).mean(axis=1)),
                    "spend": float((q * cost).sum() / (p * cost).sum()),
                    "alarms": sum(t >= OUTLIER_AT - 1 for life in lives for t, _, _ in life.alarms),
                }
            )
    return rows


def moved(p: FloatArray, q: FloatArray) -> FloatArray:
    """Return the share that q gives to other arms than p, of distributions in the last axis."""
    moved: FloatArray = 0.5 * np.abs(p - q).sum(axis=-1)
    return moved


def _after_outlier(world: World, policy: Policy, rule: RewardRule, seed: int, outlier: dict[str, float] | None) -> Life:
    life = Life(world, policy, rule, seed, answers=_with_outlier(world, outlier))
    life.serve(shuffled(world, seed)[: OUTLIER_AT + AFTER])
    return life


def _with_outlier(world: World, outlier: dict[str, float] | None) -> Answers:
    usual = with_latency(world)

    def answers(t: int, prompt: int, arm: int, rng: np.random.Generator) -> Answer:
        if t != OUTLIER_AT - 1 or outlier is None:
            return usual(t, prompt, arm, rng)
        return usual(t, prompt if outlier else prompt - 1, arm, rng)._replace(**outlier)

    return answers
