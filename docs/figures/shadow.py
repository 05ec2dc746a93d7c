"""``shadow.svg``: the report's estimates of three shadows over time, with the true values."""

from __future__ import annotations

import numpy as np

from benchmarks.evidence.world import Run, five_shadows, live, load_worlds
from docs.figures.style import COLOURS, INK, panels, save
from pointsman.core.off_policy import (
    ESTIMATORS,
    MIN_COUNT,
    ArmErrors,
    Interval,
    Moments,
    asymptotic_sequence,
    predicted_variance,
)

SHOWN = ("greedy", "always-cheapest", "uniform")
SEED = 5
PASSES = 3
LOOKS = 40
ESTIMATOR = "dr"


def draw() -> None:
    """Simulate one policy with its shadows, and draw each difference with its always-valid interval."""
    world = next(world for world in load_worlds() if world.name == "demo")
    shadows = {name: policy for name, policy in five_shadows(world).items() if name in SHOWN}
    run = live(world, shadows, SEED, decisions=PASSES * len(world.contexts))
    figure, axes = panels(len(SHOWN), 2.9, sharey=True)
    looks = np.unique(np.geomspace(2 * MIN_COUNT, len(run.seen), LOOKS).astype(int)).tolist()
    for axis, name in zip(axes, SHOWN, strict=True):
        truth = 100.0 * run.difference[name].cumsum() / np.arange(1, len(run.difference[name]) + 1)
        at = [int(run.seen[rewarded - 1]) for rewarded in looks]
        intervals = [_interval(run, name, rewarded) for rewarded in looks]
        low = [100.0 * interval.low for interval in intervals]
        high = [100.0 * interval.high for interval in intervals]
        estimate = [100.0 * (interval.low + interval.high) / 2 for interval in intervals]
        axis.fill_between(at, low, high, color=COLOURS[0], alpha=0.18, lw=0, label="95 %, at every look at once")
        axis.plot(at, estimate, color=COLOURS[0], label="estimate")
        axis.plot(at, truth[np.array(at) - 1], color=COLOURS[1], ls=(0, (4, 2)), label="truth")
        axis.axhline(0, color=INK, lw=0.8)
        axis.set_title(f"shadow “{name}”")
        axis.set_xlabel("decisions")
    axes[0].set_ylabel("reward, shadow − active")
    axes[0].set_ylim(-30, 30)
    axes[0].legend(loc="upper right")
    save(figure, "shadow", "one life of the demo's prompts, 70 % of outcomes missing, the rest late")


def _interval(run: Run, shadow: str, rewarded: int) -> Interval:
    """Return the report's interval after this number of outcomes, computed as in `pointsman.shadow.report`."""
    moments = Moments.from_vectors(run.vectors[shadow][:rewarded])
    error, arm = run.error[:rewarded], run.arm[:rewarded]
    spread = run.spread[shadow][:rewarded].sum(axis=0)
    errors = {
        str(k): ArmErrors(float(spread[k]), float((arm == k).sum()), float((error[arm == k] ** 2).sum()))
        for k in range(len(spread))
    }
    estimate = ESTIMATORS[ESTIMATOR].difference(moments)
    return asymptotic_sequence(estimate.at_least(predicted_variance(moments, errors, largest=1.0)))
