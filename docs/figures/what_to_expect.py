"""``what_to_expect.svg``: what policies have learned by when, and what labelled prompts save."""

from __future__ import annotations

import numpy as np

from benchmarks.evidence.learning import CURVE, SETTINGS, TRAIN, measure
from benchmarks.evidence.life import RULES
from benchmarks.evidence.starts import FIRST, regrets
from benchmarks.evidence.world import demo_world
from docs.figures.style import COLOURS, DASHES, INK, MUTED, panels, save

LIVES = 60
RULE = "demo's rule"
DEFAULT = "scaled-linucb (default)"
LABELLED = (0, 30, 100)
LOWEST = -150


def draw() -> None:
    """Simulate the lives of the pages of evidence, and draw their means."""
    world = demo_world(features="chat")
    figure, (left, right) = panels(2, 3.1)
    left.axhline(100.0, color=MUTED, lw=0.8)
    left.axhline(0.0, color=MUTED, lw=0.8)
    for at, setting in enumerate(SETTINGS):
        share = measure(world, RULES[RULE], setting, LIVES, horizons=CURVE, requests=TRAIN).share.mean(axis=0)
        left.plot(CURVE, share, color=COLOURS[at], ls=DASHES[at], label=setting)
    left.set_title("Share of what can be learned, %")
    left.set_xscale("log")
    left.set_xlabel("requests")
    left.set_xlim(45, CURVE[-1])
    left.set_ylim(LOWEST, 108)
    left.text(47, 101, "full information", color=MUTED, fontsize=8)
    left.text(47, 2, "best single model", color=MUTED, fontsize=8)
    left.legend(loc="lower right")
    for at, number in enumerate(LABELLED):
        total = regrets(world, RULES[RULE], DEFAULT, LIVES, number).mean(axis=0)
        right.plot(np.arange(1, FIRST + 1), total, color=COLOURS[at], ls=DASHES[at], label=f"{number} labelled prompts")
    right.set_title("Lost to learning so far, in requests' worth")
    right.set_xlabel("requests")
    right.set_ylim(bottom=0)
    right.legend(loc="upper left", labelcolor=INK)
    save(figure, "what_to_expect", f"{LIVES} lives on the demo's prompts for each line")
