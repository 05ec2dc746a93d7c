"""``learning.svg``: reward of a learning policy, of uniform choice, of single models and of an oracle."""

from __future__ import annotations

import numpy as np

from docs.figures.routing import prompts, route
from docs.figures.style import COLOURS, DASHES, INK, MUTED, panels, save
from pointsman.core.bandit import FloatArray, make_policy

WINDOW = 300
RUNS = 20
FIRST = 10
POINTS = 110


def draw() -> None:
    """Route all prompts in `RUNS` random orders, and draw the mean of the runs' moving means."""
    policy = make_policy("linucb", {"alpha": 0.5, "epsilon": 0.02})
    runs = [route(seed, policy) for seed in range(RUNS)]
    rewards = [100.0 * prompts().rewards[run.order] for run in runs]
    served = [earned[np.arange(len(earned)), run.chosen] for earned, run in zip(rewards, runs, strict=True)]
    at = np.unique(np.geomspace(FIRST, len(served[0]), POINTS).astype(int))
    figure, (left, right) = panels(2, 3.1)
    lines = [("oracle", [earned.max(axis=1) for earned in rewards], MUTED, DASHES[2])]
    lines += [("linucb", served, COLOURS[0], DASHES[0])]
    best = int(prompts().rewards.mean(axis=0).argmax())
    lines += [(f"only {prompts().arms[best].model}", [earned[:, best] for earned in rewards], COLOURS[1], DASHES[1])]
    lines += [("uniform choice", [earned.mean(axis=1) for earned in rewards], COLOURS[2], DASHES[3])]
    for label, series, colour, dash in lines:
        left.plot(at, np.mean([_moving(one)[at - 1] for one in series], axis=0), color=colour, ls=dash, label=label)
    left.set_title(f"Reward, mean of the last {WINDOW} decisions at most")
    left.set_xlabel("decisions")
    left.set_ylim(55, 95)
    left.legend(loc="lower right")
    for axis in (left, right):
        axis.set_xscale("log")
    for k, arm in enumerate(prompts().arms):
        share = np.mean([_moving((run.chosen == k).astype(np.float64))[at - 1] for run in runs], axis=0)
        right.plot(at, 100.0 * share, color=COLOURS[k], ls=DASHES[k], label=arm.model)
    right.set_title("Share of each model among them, %")
    right.set_xlabel("decisions")
    right.set_ylim(0, 100)
    right.legend(loc="center right", labelcolor=INK)
    save(figure, "learning", f"{RUNS} runs over the demo's prompts")


def _moving(values: FloatArray) -> FloatArray:
    """Return, after each decision, the mean of the last `WINDOW`, or of all there are."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(sums))
    begin = np.maximum(end - WINDOW, 0)
    moving: FloatArray = (sums[end] - sums[begin]) / (end - begin)
    return moving
