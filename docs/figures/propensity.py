"""``propensity.svg``: a model's value estimated from the log, with exact propensities and with an exploration flag."""

from __future__ import annotations

import numpy as np

from docs.figures.routing import Routed, prompts, route
from docs.figures.style import COLOURS, INK, MUTED, panels, save
from pointsman.core.bandit import FloatArray

RUNS = 30
EPSILON = 0.1
EVERY = 60


def draw() -> None:
    """Estimate from each run's log what one model would have earned on all prompts, and draw how runs differ."""
    runs = [route(seed) for seed in range(RUNS)]
    arm = int(np.argmax(sum(np.bincount(run.chosen, minlength=len(prompts().arms)) for run in runs)))
    truth = 100.0 * float(prompts().rewards[:, arm].mean())
    figure, (left, right) = panels(2, 3.1, width_ratios=[1, 1.6])

    first = runs[0]
    logged = np.concatenate([run.p[np.arange(len(run.chosen)), run.chosen] for run in runs])
    shares = [(logged < 0.5).mean(), (logged >= 0.5).mean()]
    values = [np.median(logged[logged < 0.5]), np.median(logged[logged >= 0.5])]
    bars = left.barh(
        [f"p = {value:.3f}" for value in values], [100.0 * s for s in shares], color=COLOURS[0], height=0.5
    )
    explored = 100.0 * float(np.mean([run.explored[_of_best(run)].mean() for run in runs]))
    left.bar_label(bars, fmt="%.1f %%", padding=3, color=INK)
    left.set_xlim(0, 118)
    left.set_ylim(-0.6, 1.9)
    left.grid(visible=False)
    left.set_title("Propensities in the log")
    left.set_xlabel("% of decisions")
    left.text(1, 1.42, f"{explored:.1f} % of these were reached by exploring", fontsize=8, color=MUTED)

    at = np.arange(300, len(first.chosen) + 1, EVERY)
    for label, colour, flag in (
        ("ε/K whenever the decision explored", COLOURS[1], True),
        ("the whole probability of the choice", COLOURS[0], False),
    ):
        estimates = np.array([_estimates(run, arm, flag)[at - 1] for run in runs])
        low, high = np.quantile(estimates, [0.05, 0.95], axis=0)
        right.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
        right.plot(at, estimates.mean(axis=0), color=colour, label=label)
    right.axhline(truth, color=INK, ls=(0, (2, 2)), lw=1.2, label="truth")
    right.set_title(f"Estimated reward of “only {prompts().arms[arm].model}”")
    right.set_xlabel("decisions in the log")
    right.set_ylim(0, None)
    right.legend(loc="lower right", title="propensity in the log", title_fontsize=8.5, alignment="left")
    save(figure, "propensity", f"{RUNS} runs over the demo's prompts, linucb with epsilon {EPSILON}")


def _of_best(run: Routed) -> FloatArray:
    """Return which decisions served the policy's best arm."""
    best: FloatArray = run.chosen == run.p.argmax(axis=1)
    return best


def _estimates(run: Routed, arm: int, by_flag: bool) -> FloatArray:
    """Return, after each decision, Σ 1[a = arm] r / p / t: inverse propensity scoring (Horvitz and Thompson, 1952)."""
    rows = np.arange(len(run.chosen))
    p, rewards = run.p[rows, run.chosen], 100.0 * prompts().rewards[run.order, run.chosen]
    if by_flag:
        p = np.where(run.explored, EPSILON / run.p.shape[1], p)
    estimates: FloatArray = np.cumsum((run.chosen == arm) * rewards / p) / (rows + 1)
    return estimates
