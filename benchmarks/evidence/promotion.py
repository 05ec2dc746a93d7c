"""How often automatic promotion promotes what is truly better, and what is truly worse, over many seeded lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.evidence.world import Run, World, live, load_worlds
from pointsman.contracts.config.reporting import PromotionConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import FloatArray, Policy, make_policy
from pointsman.core.off_policy import Moments, Statistics
from pointsman.shadow.promotion.ruling import rule
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

SETTINGS = PromotionConfig(automatic=True, quality_floor=-100.0, cost_ceiling=float("inf"), min_decisions=200)
"""Only the reward decides, and soon: what is promoted wrongly is to be seen."""
LOOKS = 40
HOUR = 494_000
DIFFERENCE = np.array([0.0, 0.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0])


def shadows_of(world: World) -> dict[str, Policy]:
    """Return shadows of a policy that explores half of the time: one that is better, and two that are worse."""
    rewards = world.rewards().mean(axis=0)
    return {
        "less exploration": make_policy("linucb", {"alpha": 0.5, "epsilon": 0.1}),
        "all exploration": make_policy("uniform"),
        "the worst arm": make_policy(f"static:{world.arms[int(rewards.argmin())]}"),
    }


def measure(repetitions: int = 200, passes: int = 5) -> list[dict[str, Any]]:
    """Return a row for each world and shadow."""
    active = make_policy("linucb", {"alpha": 0.5, "epsilon": 0.5})
    rows = []
    for world in load_worlds():
        decisions = passes * len(world.contexts)
        lives = [
            live(world, shadows_of(world), seed, decisions=decisions, active=active) for seed in range(repetitions)
        ]
        rows += [_row(world, shadow, lives, decisions) for shadow in shadows_of(world)]
    return rows


def _row(world: World, shadow: str, lives: Sequence[Run], decisions: int) -> dict[str, Any]:
    promoted = [at for run in lives if (at := _promoted_at(world, run, shadow)) is not None]
    truths = [100.0 * float(run.difference[shadow].mean()) for run in lives]
    return {
        "world": world.name,
        "shadow": shadow,
        "truth": float(np.mean(truths)),
        "least_truth": min(truths),
        "most_truth": max(truths),
        "promoted": len(promoted) / len(lives),
        "after": int(np.median(promoted)) if promoted else None,
        "decisions": decisions,
        "repetitions": len(lives),
    }


def _promoted_at(world: World, run: Run, shadow: str) -> int | None:
    """Return after how many decisions the guard promotes the shadow; None when it never does."""
    spec = PolicySpec(name=shadow, algorithm="linucb")
    for rewarded in np.linspace(0, len(run.seen), LOOKS + 1).astype(int)[1:].tolist():
        report = policy_report("T", spec, "active", [(HOUR, _sums(world, run, shadow, rewarded))], {}, 0.95)
        if rule([report], None, SETTINGS).action == "promote":
            return int(run.seen[rewarded - 1])
    return None


def _sums(world: World, run: Run, shadow: str, rewarded: int) -> HourSums:
    """Return what the shadow-evaluator would have kept by then."""
    vectors, arm, error = run.vectors[shadow][:rewarded], run.arm[:rewarded], run.error[:rewarded]
    counts: defaultdict[str, float] = defaultdict(float)
    counts[fields.DECISIONS] = float(run.seen[rewarded - 1])
    spread = run.spread[shadow][:rewarded].sum(axis=0)
    for k, name in enumerate(map(str, world.arms)):
        served: FloatArray = (arm == k).astype(np.float64)
        counts[fields.arm_field(fields.JOINED, name)] = float(served.sum())
        counts[fields.arm_field(fields.RATED, name)] = counts[fields.arm_field(fields.JOINED, name)]
        counts[fields.arm_field(fields.GAINED, name)] = float((vectors @ DIFFERENCE)[arm == k].sum())
        counts[fields.arm_field(fields.SPREAD, name)] = float(spread[k])
        for outcome in ("reward", "quality"):
            counts[fields.arm_field(fields.square(outcome), name)] = float(served @ error**2)
    moments = Moments.from_vectors(vectors)
    return HourSums(dict(counts), Statistics(reward=moments, quality=moments))
