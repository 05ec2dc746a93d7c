"""How often the intervals of a report hold the truth, over many seeded lives of worlds whose every outcome is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.evidence.world import Run, World, five_shadows, live, load_worlds
from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy import (
    ESTIMATORS,
    MIN_COUNT,
    ArmErrors,
    Estimate,
    Moments,
    asymptotic_sequence,
    effective_sample_size,
    normal_interval,
    predicted_variance,
)

METHODS = ("dr",)
LOOK_EVERY = 10
BOOTSTRAPS = 200
BOOTSTRAPPED = 20
"""Lives of which bootstrap intervals are made, for comparison of their widths."""


def measure(repetitions: int = 200, passes: int = 1) -> list[dict[str, Any]]:
    """Return a row for each world, shadow and estimator; every prompt comes so many times."""
    rows = []
    for world in load_worlds():
        decisions = passes * len(world.contexts)
        lives = [live(world, five_shadows(world), seed, decisions=decisions) for seed in range(repetitions)]
        rows += [_row(world, shadow, method, lives) for shadow in five_shadows(world) for method in METHODS]
    return rows


def _row(world: World, shadow: str, method: str, lives: Sequence[Run]) -> dict[str, Any]:
    finals = [_final(run, shadow, method) for run in lives]
    boots = [_bootstrap_width(run.vectors[shadow], seed) for seed, run in enumerate(lives[:BOOTSTRAPPED])]
    return {
        "world": world.name,
        "shadow": shadow,
        "method": method,
        **{name: float(np.mean([final[name] for final in finals])) for name in finals[0]},
        "bootstrap_width": float(np.mean(boots)),
        "always_covered": float(np.mean([_always(run, shadow, method) for run in lives])),
        "repetitions": len(lives),
    }


def _final(run: Run, shadow: str, method: str) -> dict[str, float]:
    """Return the report's figures at the end, and the truth."""
    moments, estimate = _estimate(run, shadow, method, len(run.seen))
    interval, always = normal_interval(estimate), asymptotic_sequence(estimate)
    empirical = normal_interval(ESTIMATORS[method].difference(moments))
    truth = float(run.difference[shadow][: int(run.seen[-1])].mean())
    return {
        "truth": truth,
        "estimate": estimate.value,
        "width": 2 * interval.half_width,
        "always_width": 2 * always.half_width,
        "empirical_width": 2 * empirical.half_width,
        "effective_sample_size": effective_sample_size(moments),
        "rewarded": float(len(run.seen)),
        "covered": float(interval.holds(truth)),
        "empirical_covered": float(empirical.holds(truth)),
    }


def _estimate(run: Run, shadow: str, method: str, rewarded: int) -> tuple[Moments, Estimate]:
    """Return the moments and the estimate of a report after this number of outcomes."""
    moments = Moments.from_vectors(run.vectors[shadow][:rewarded])
    estimate = ESTIMATORS[method].difference(moments)
    error, arm = run.error[:rewarded], run.arm[:rewarded]
    spread = run.spread[shadow][:rewarded].sum(axis=0)
    arms = {
        str(k): ArmErrors(float(spread[k]), float((arm == k).sum()), float((error[arm == k] ** 2).sum()))
        for k in range(len(spread))
    }
    return moments, estimate.at_least(predicted_variance(moments, arms, largest=1.0))


def _always(run: Run, shadow: str, method: str) -> bool:
    """Return whether the always-valid interval contained the truth at every look."""
    truth = run.difference[shadow].cumsum()
    for rewarded in range(MIN_COUNT, len(run.seen) + 1, LOOK_EVERY):
        now = int(run.seen[rewarded - 1])
        _, estimate = _estimate(run, shadow, method, rewarded)
        if not asymptotic_sequence(estimate).holds(float(truth[now - 1]) / now):
            return False
    return True


def _bootstrap_width(vectors: FloatArray, seed: int) -> float:
    """Return the width of a percentile bootstrap of the difference, as Open Bandit Pipeline makes its intervals."""
    rng = np.random.default_rng(seed)
    d = vectors @ np.array([0.0, 0.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0])
    means = [d[rng.integers(len(d), size=len(d))].mean() for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(high - low)
