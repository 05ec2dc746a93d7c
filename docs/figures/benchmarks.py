"""``benchmark-*.svg``: one figure for each part of the latest results of ``make bench``."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.llm import MOCK
from benchmarks.report import AIMS
from docs.figures.style import COLOURS, DASHES, INK, MUTED, panels, save
from docs.generate.benchmarks import latest


def draw() -> None:
    """Draw each part of the latest results."""
    _, results = latest()
    drawings = {
        "kernel": _kernel,
        "learning": _learning,
        "path": _path,
        "shadow": _shadow,
        "views": _views,
        "llm": _llm,
    }
    for part, drawn in drawings.items():
        if part in results:
            drawn(results[part], f"results of {results['at']}")


def _kernel(cases: list[dict[str, Any]], source: str) -> None:
    cases = [case for case in cases if case["features"] == 12]
    figure, axes = panels(2, 3.1, sharey=True)
    for axis, mode in zip(axes, ("alone", "batch_of_50"), strict=True):
        arms = [case["arms"] for case in cases]
        axis.plot(arms, [case[mode]["pointsman_us"] for case in cases], "o-", color=COLOURS[0], label="Pointsman")
        for at, peer in enumerate(cases[0][mode]["peers_us"]):
            times = [case[mode]["peers_us"][peer] for case in cases]
            axis.plot(arms, times, "o", ls=DASHES[1 + at % 3], ms=3, color=(*COLOURS[1:], MUTED)[at % 4], label=peer)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(arms, [str(number) for number in arms])
        axis.minorticks_off()
        axis.set_xlabel("arms, 12 features")
        axis.set_title(f"Time of a decision, {mode.replace('_', ' ')}, µs")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, "benchmark-kernel", source)


def _learning(learning: dict[str, Any], source: str) -> None:
    fresh, memory = learning["freshness"], learning["memory_mb"]
    figure, (left, right) = panels(2, 2.5)
    names = {"p50_ms": "median", "p90_ms": "90th percentile", "p99_ms": "99th percentile", "worst_ms": "worst"}
    shown = {label: fresh[key] for key, label in names.items() if key in fresh}
    _bars(left, shown, "%.1f ms", AIMS["fresh_p99_ms"], "aim for the 99th percentile")
    left.set_title(f"From the 202 to {fresh['replicas']} replicas deciding with it")
    _bars(right, {name.replace("_", "-"): size for name, size in memory.items()}, "%.0f MB", AIMS["memory_mb"], "aim")
    right.set_title("Resident memory")
    save(figure, "benchmark-learning", source)


def _path(path: dict[str, Any], source: str) -> None:
    rows = path["compared"]
    figure, axes = panels(2, 2.8, sharey=True)
    labels = [f"{row['way'].upper()}, {row['in_flight']} in flight" for row in rows]
    for axis, key, aim, title in (
        (axes[0], "throughput_of_floor", AIMS["throughput_of_floor"], "Throughput ÷ floor; right of the line is met"),
        (axes[1], "p99_of_floor", AIMS["p99_of_floor"], "99th percentile ÷ floor; left of the line is met"),
    ):
        _bars(axis, {label: row[key] for label, row in zip(labels, rows, strict=True)}, "%.2f", aim, "aim")
        axis.set_title(title)
    save(figure, "benchmark-path", source)


def _shadow(shadow: dict[str, Any], source: str) -> None:
    figure, (axis,) = panels(1, 1.9)
    shown = {
        f"decided by {shadow['replicas']} replicas": shadow["decided_per_s"],
        f"evaluated by one evaluator, {shadow['shadows']} shadows": shadow["evaluated"]["per_s"],
        "rewards joined": shadow["joined"]["per_s"],
    }
    _bars(axis, shown, "{:,.0f}", None, "")
    axis.set_title("Per second, each side alone on the machine")
    save(figure, "benchmark-shadow", source)


def _views(views: dict[str, Any], source: str) -> None:
    figure, (axis,) = panels(1, 3.4)
    _bars(axis, {view: took["median_ms"] for view, took in views["asked"].items()}, "%.0f ms", AIMS["view_ms"], "aim")
    axis.set_title(f"Median time of an answer, {views['decisions']:,} decisions in the store")
    save(figure, "benchmark-views", source)


def _llm(llm: dict[str, Any], source: str) -> None:
    rows = [row for row in llm["compared"] if MOCK in row["ratios"]]
    if not rows:
        return
    figure, axes = panels(2, 2.8, sharey=True)
    labels = [f"{'stream' if row['stream'] else 'whole'}, {row['in_flight']} in flight" for row in rows]
    for axis, key, aim, title in (
        (axes[0], "throughput_per_cpu", AIMS["litellm_throughput"], "Requests per CPU second ÷ LiteLLM's"),
        (axes[1], "added_p50", AIMS["litellm_added_p50"], "Added to the median ÷ LiteLLM's"),
    ):
        shown = {label: row["ratios"][MOCK][key] for label, row in zip(labels, rows, strict=True)}
        _bars(axis, shown, "%.3g", aim, "aim")
        axis.set_title(title)
    save(figure, "benchmark-llm", source)


def _bars(axis: Any, shown: dict[str, float], form: str, aim: float | None, aim_label: str) -> None:
    """Draw horizontal bars from top to bottom, with their values, and a line at the aim."""
    at = np.arange(len(shown))[::-1]
    bars = axis.barh(at, list(shown.values()), color=COLOURS[0], height=0.6)
    axis.bar_label(bars, fmt=form, padding=3, color=INK, fontsize=8.5)
    axis.set_yticks(at, list(shown))
    axis.grid(visible=False, axis="y")
    axis.set_xlim(0, max([*shown.values(), aim or 0.0]) * 1.22)
    if aim is not None:
        axis.axvline(aim, color=COLOURS[1], ls=DASHES[1], lw=1.2, label=f"{aim_label}: {aim:g}")
        axis.legend(loc="upper right", bbox_to_anchor=(1, -0.12))
