"""Style of the figures, and writing them as small, reproducible SVG files with real text."""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parent
COLOURS = ("#1c62b5", "#d0690f", "#1d8a72", "#8e4ba8")
INK, MUTED, LINE = "#1b1b19", "#5f5e58", "#e2e1dc"
DASHES = ("-", (0, (5, 2)), (0, (2, 2)), (0, (7, 2, 1, 2)))
WIDTH_IN = 8.2

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "pointsman",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "figure.constrained_layout.w_pad": 0.12,
        "figure.constrained_layout.h_pad": 0.08,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.6,
        "path.simplify": True,
        "path.simplify_threshold": 0.5,
    }
)


def panels(columns: int, height_in: float = 3.0, **options: object) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many panels side by side."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False, **options)
    return figure, list(axes[0])


def save(figure: Figure, name: str, source: str) -> Path:
    """Write a figure.

    Parameters
    ----------
    name : str
        Of the file, without ``.svg``.
    source : str
        What it was made from, for the record in the file.
    """
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Source": source})
    text = re.sub(r"font-family: [^;\"]+|'DejaVu Sans'[^;\"]*", _system_font, written.getvalue())
    text = re.sub(r"<!DOCTYPE[^>]*>\n?|<!--.*?-->\n?", "", text, flags=re.DOTALL)
    file = FOLDER / f"{name}.svg"
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
    return file


def _system_font(found: re.Match[str]) -> str:
    return "font-family: system-ui, sans-serif" if found[0].startswith("font-family") else "system-ui, sans-serif"
