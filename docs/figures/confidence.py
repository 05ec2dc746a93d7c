"""``confidence.svg``: an arm's ridge regression with its width, and how widths shrink with outcomes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from docs.figures.routing import RULE, prompts, route
from docs.figures.style import COLOURS, DASHES, INK, panels, save
from pointsman.core.bandit import ArmStack, Learner
from pointsman.core.features import NAMES

ALPHA = 0.5
SHOWN = (10, 1_000)
FEATURE = "length"
SEED = 3
SCATTERED = 100


def draw() -> None:
    """Learn one arm from real answers with two features, and all three with twelve."""
    figure, axes = panels(3, 3.1, width_ratios=[1, 1, 1.25])
    for at, (axis, outcomes) in enumerate(zip(axes, SHOWN, strict=False)):
        _ridge(axis, outcomes)
        axis.set_title(f"After {outcomes:,} outcome{'s' if outcomes > 1 else ''}")
        axis.set_xlabel(f"feature “{FEATURE}” of the prompt")
        axis.set_ylim(-0.6, 1.6)
        if not at:
            axis.set_ylabel(f"reward of {prompts().arms[0].model}")
    axes[0].legend(loc="lower left")

    watched = np.median(prompts().contexts, axis=0)
    run = route(SEED, watched=watched.tolist())
    shown = np.unique(np.geomspace(1, len(run.chosen), 80).astype(int)) - 1
    for k, arm in enumerate(prompts().arms):
        pulls = int((run.chosen == k).sum())
        axes[2].plot(shown + 1, run.width[shown, k], color=COLOURS[k], ls=DASHES[k], label=f"{arm.model} ({pulls:,})")
    axes[2].set_xscale("log")
    axes[2].set_title("Width for one prompt, 12 features")
    axes[2].set_xlabel("decisions (in brackets: of each)")
    axes[2].set_ylim(0, 2.5)
    axes[2].legend(loc="upper right", labelcolor=INK)
    save(figure, "confidence", "real answers to the demo's prompts")


def _ridge(axis: Axes, outcomes: int) -> None:
    """Draw the answers that the arm was learned from, θᵀx, and α times √(xᵀA⁻¹x) around it."""
    world, feature = prompts(), NAMES.index(FEATURE)
    order = np.random.default_rng(SEED).permutation(len(world.contexts))[:outcomes]
    learner, stack, arm = Learner(), ArmStack(2), world.arms[0]
    for number, prompt in enumerate(order.tolist(), start=1):
        learner.learn(
            arm,
            [1.0, float(world.contexts[prompt, feature])],
            RULE,
            sequence=number,
            at_ms=number,
            quality=float(world.quality[prompt, 0]),
            cost_usd=float(world.cost_usd[prompt, 0]),
        )
    stack.put(arm, learner.arms[arm])
    x = np.linspace(0.0, 1.0, 30)
    estimates = stack.select((arm,)).estimate(np.stack([np.ones_like(x), x], axis=1))
    mean, width = estimates.mean[:, 0], ALPHA * estimates.width[:, 0]
    shown = order[:SCATTERED]
    axis.scatter(
        world.contexts[shown, feature], world.rewards[shown, 0], s=6, color=COLOURS[1], alpha=0.5, lw=0, label="outcome"
    )
    axis.fill_between(x, mean - width, mean + width, color=COLOURS[0], alpha=0.18, lw=0, label="± α · width")
    axis.plot(x, mean, color=COLOURS[0], label="mean θᵀx")
