"""``exactly_once.svg``: outcomes sent, acknowledged and learned while parts of the real stack are killed."""

from __future__ import annotations

import json

import numpy as np

from docs.figures.killing import SEEN
from docs.figures.style import COLOURS, DASHES, INK, MUTED, panels, save

NAMES = {"reward_updater": "reward-updater", "store": "store", "nats": "NATS"}


def draw() -> None:
    """Draw the run that ``python -m docs.figures.killing`` recorded."""
    seen = json.loads(SEEN.read_bytes())
    points = np.array(seen["points"], dtype=np.float64)  # NaN where the stack did not answer
    figure, (axis,) = panels(1, 3.3)
    for label, column, colour, dash in (
        ("requests that report an outcome, repeats included", 1, COLOURS[2], DASHES[3]),
        ("acknowledged, of a policy's decisions", 2, COLOURS[1], DASHES[1]),
        ("learned: in A and b", 3, COLOURS[0], DASHES[0]),
    ):
        axis.plot(points[:, 0], points[:, column], color=colour, ls=dash, label=f"{label}: {int(points[-1, column]):,}")
    top = float(np.nanmax(points[:, 1:])) * 1.12
    for kill in seen["kills"]:
        axis.axvspan(kill["from_s"], kill["to_s"], color=MUTED, alpha=0.14, lw=0)
        middle = (kill["from_s"] + kill["to_s"]) / 2
        axis.text(middle, top, f"{NAMES[kill['name']]}\nkilled", ha="center", va="top", fontsize=8, color=INK)
    axis.set_ylim(0, top)
    axis.set_xlim(0, points[-1, 0])
    axis.set_xlabel("seconds; grey: from kill -9 until it runs again")
    axis.set_title("Outcomes, added up")
    axis.legend(loc="lower right")
    save(figure, "exactly_once", "killing.json: a run of the real stack")
