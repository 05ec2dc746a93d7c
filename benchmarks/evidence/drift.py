"""Drift: how soon traffic leaves a model that changed, what the alarm earns, and how often it is false."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.evidence.life import RULES, Answer, Answers, Life, mean_and_error, shuffled, with_latency
from benchmarks.evidence.paragraph import paragraph
from benchmarks.evidence.world import World, demo_world
from pointsman.core.bandit import FloatArray, Policy, RewardRule, make_policy

LIVES = 20
FALSE_ALARM_OUTCOMES = 1_000_000
CHANGE_AT, AFTER = 1_800, 900
SHARE_WINDOW = 50
POLICIES: dict[str, tuple[str, dict[str, float]]] = {
    "scaled-linucb": ("scaled-linucb", {}),
    "linucb α 0.5 ε 0.02": ("linucb", {"alpha": 0.5, "epsilon": 0.02}),
}
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


def _changed(world: World, change: Change) -> Answers:
    before = with_latency(world)

    def answers(t: int, prompt: int, arm: int, rng: np.random.Generator) -> Answer:
        answer = before(t, prompt, arm, rng)
        if t < CHANGE_AT or arm != MAIN or answer.latency_ms is None:
            return answer
        quality = max(answer.quality + change.quality, 0.0)
        return Answer(quality, answer.cost_usd * change.cost, answer.latency_ms * change.latency)

    return answers


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    lives = lives or LIVES
    world = demo_world()
    lines = [
        "# Evidence: drift",
        "",
        *paragraph(
            f"{lives} lives on the demo's prompts; from request {CHANGE_AT:,} on, the model that serves most of "
            "them is another. *Detected*, *halved*: requests until the alarm, and until its share of the last "
            f"{SHARE_WINDOW} is half of what it was; median (nine of ten). Rewards are those earned, 0 to 100; ± is "
            "a standard error. *False alarms* are those before the change."
        ),
        "| rule | policy | change | alarm | detected | halved | reward before | next 300 | next 900 | false alarms |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['rule']} | {r['policy']} | {r['change']} | {'on' if r['alarm'] else 'off'} | {_times(r, 'detected')}"
        f" | {_times(r, 'halved')} | {r['before']:.1f} | {r['next 300']:.1f} | {r['next 900']:.1f} ± {r['error']:.1f}"
        f" | {r['alarms before']} |"
        for r in changes(world, lives)
    ]
    lines += [
        "",
        *paragraph(f"Alarms in {FALSE_ALARM_OUTCOMES:,} outcomes without a change, latencies and costs included:"),
        "| order of the prompts | rule | alarms in 10⁵ outcomes |",
        "|---|---|---:|",
    ]
    lines += [
        f"| {r['order']} | {r['rule']} | {1e5 * r['alarms'] / r['outcomes']:.2f} |"
        for r in false_alarms(world, FALSE_ALARM_OUTCOMES)
    ]
    return "\n".join(lines) + "\n"


def _times(row: dict[str, Any], name: str) -> str:
    if row[name] >= AFTER:
        return "never"
    return f"{row[name]:.0f} ({row[f'{name} p90']:.0f})"


def changes(world: World, lives: int) -> list[dict[str, Any]]:
    """Return a row for each change, rule, policy and setting of the alarm."""
    rows: list[dict[str, Any]] = []
    for (rule_name, rule), (policy_name, policy), change, alarm in itertools.product(
        RULES.items(), POLICIES.items(), CHANGES, (True, False)
    ):
        # Latencies are not in the data, so they count only where they change.
        mu = rule.mu_latency if change.latency != 1.0 else 0.0
        settings = msgspec.structs.replace(rule, mu_latency=mu, drift_alarm=alarm)
        kind = {"rule": rule_name, "policy": policy_name, "change": change.name, "alarm": alarm}
        rows.append(kind | _after_change(world, make_policy(*policy), settings, change, lives))
    return rows


def _after_change(world: World, policy: Policy, rule: RewardRule, change: Change, lives: int) -> dict[str, Any]:
    halved, detected, first, later, early, before = [], [], [], [], 0, []
    for seed in range(lives):
        life = Life(world, policy, rule, seed, answers=_changed(world, change))
        life.serve(shuffled(world, seed)[: CHANGE_AT + AFTER])
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
    mean, error = mean_and_error(np.array(later))
    return {
        "before": float(np.mean(before)),
        "detected": median(detected),
        "detected p90": float(np.quantile(detected, 0.9)),
        "halved": median(halved),
        "halved p90": float(np.quantile(halved, 0.9)),
        "next 300": float(np.mean(first)),
        "next 900": mean,
        "error": error,
        "alarms before": early,
    }


def false_alarms(world: World, outcomes: int) -> list[dict[str, Any]]:
    """Return the number of alarms in long runs in which nothing changes."""
    rows: list[dict[str, Any]] = []
    for name, run_length in (("random", 1), ("runs of 30 similar prompts", 30)):
        for rule_name, rule in RULES.items():
            policy = make_policy(*POLICIES["scaled-linucb"])
            kinds: Counter[str] = Counter()
            lives = max(outcomes // 50_000, 1)
            for seed in range(lives):
                life = Life(world, policy, rule, seed, every=UPDATE_EVERY, answers=with_latency(world))
                life.serve(itertools.islice(_in_runs(world, run_length, seed), outcomes // lives))
                kinds.update(alarm.signal for _, _, alarm in life.alarms)
            rows.append({"order": name, "rule": rule_name, "outcomes": outcomes, "alarms": kinds.total()})
    return rows


def _in_runs(world: World, mean_length: int, seed: int) -> Iterator[int]:
    """Yield prompts: of one of eight clusters of the contexts, for a geometric number of requests."""
    rng, labels = np.random.default_rng(2_000 + seed), clusters(world.contexts)
    members = [np.flatnonzero(labels == at) for at in range(8)]
    at = 0
    while True:
        if rng.random() < 1.0 / mean_length:
            at = int(rng.choice(8, p=[len(group) / len(labels) for group in members]))
        yield int(rng.choice(members[at]))


def clusters(contexts: FloatArray) -> FloatArray:
    """Return the cluster of each prompt, by k-means on the standardised contexts."""
    z = (contexts - contexts.mean(axis=0)) / (contexts.std(axis=0) + 1e-9)
    centres = z[np.random.default_rng(0).choice(len(z), 8, replace=False)]
    labels = np.zeros(len(z))
    for _ in range(30):
        labels = ((z[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([z[labels == at].mean(axis=0) for at in range(8)])
    return labels
