"""``python -m benchmarks.evidence``: simulate, print, and write ``benchmarks/results/evidence.md``; half an hour."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"


def main() -> None:
    """Simulate everything, with as many lives of each world as asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("--lives", type=int, default=200, help="of each world (%(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder to write to (%(default)s)")
    arguments = parser.parse_args()
    # Before numpy is loaded: the matrices are small, and threads only get into each other's way.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    from benchmarks.evidence import coverage, promotion  # noqa: PLC0415  # after the thread counts are set

    text = _page(coverage.measure(arguments.lives), promotion.measure(arguments.lives), arguments.lives)
    (arguments.out / "evidence.md").write_text(text, encoding="utf-8")
    print(text)


def _page(intervals: list[dict[str, Any]], promotions: list[dict[str, Any]], lives: int) -> str:
    lines = [
        "# Evidence: intervals and automatic promotion",
        "",
        f"Each world was lived {lives} times, with other seeds: real prompts in random order, routed by LinUCB with",
        "ε = 0.1 (α 0.5) that learns as it goes; 70 % of the decisions never get an outcome, the others get it",
        "some 50 decisions later, out of order. Every outcome of every model is known, so the truth is. `python -m",
        "benchmarks.evidence` makes this page; the code under test is the one that reports and guardrails run on.",
        "",
        "## Intervals",
        "",
        "Difference in reward to the active policy (0 to 100), doubly robust, at the end of each life; all intervals",
        "are for 95 %. *At every look*: the share of lives in which the always-valid interval held the truth at each",
        "look, one after every ten outcomes from the 50th on. *Bootstrap*: width of a percentile bootstrap of the same",
        "estimate, which is how Open Bandit Pipeline makes intervals; *empirical*: the normal interval without the",
        "predicted variance, with its coverage.",
        "",
        "| world | shadow | truth | estimate | width | covered | always valid: width | at every look |"
        " bootstrap | empirical: width, covered | effective sample |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['world']} | {r['shadow']} | {100 * r['truth']:+.2f} | {100 * r['estimate']:+.2f}"
        f" | {100 * r['width']:.1f} | {r['covered']:.1%} | {100 * r['always_width']:.1f} | {r['always_covered']:.1%}"
        f" | {100 * r['bootstrap_width']:.1f} | {100 * r['empirical_width']:.1f}, {r['empirical_covered']:.1%}"
        f" | {r['effective_sample_size']:.0f} of {r['rewarded']:.0f} |"
        for r in intervals
    ]
    lines += [
        "",
        "## Automatic promotion",
        "",
        "The active policy is LinUCB with ε = 0.5; three shadows, one of them better. The guard looks 40 times, with a",
        "margin of 0 and no floor or ceiling, from 200 outcomes on.",
        "",
        "| world | shadow | truth (least to most) | promoted | after decisions (median) |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {r['world']} | {r['shadow']} | {r['truth']:+.2f} ({r['least_truth']:+.2f} to {r['most_truth']:+.2f})"
        f" | {r['promoted']:.1%} | {r['after'] or '—'} of {r['decisions']} |"
        for r in promotions
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
