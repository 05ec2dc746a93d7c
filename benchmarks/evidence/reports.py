"""Whether reports are right: coverage of the intervals, and what automatic promotion promotes."""

from __future__ import annotations

from benchmarks.evidence import coverage, promotion
from benchmarks.evidence.paragraph import paragraph

LIVES = 200


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    lives = lives or LIVES
    lines = [
        "# Evidence: intervals and automatic promotion",
        "",
        *paragraph(
            f"Each world was lived {lives} times, with other seeds: real prompts in random order, routed by LinUCB "
            "with ε = 0.1 (α 0.5) that learns as it goes; 70 % of the decisions never get an outcome, the others "
            "get it some 50 decisions later, out of order. Every outcome of every model is known, so the truth is. "
            "`python -m benchmarks.evidence reports` makes this page; the code under test is the one that reports "
            "and guardrails run on."
        ),
        "## Intervals",
        "",
        *paragraph(
            "Difference in reward to the active policy (0 to 100), doubly robust, at the end of each life; all "
            "intervals are for 95 %. *At every look*: the share of lives in which the always-valid interval held "
            "the truth at each look, one after every ten outcomes from the 50th on. *Bootstrap*: width of a "
            "percentile bootstrap of the same estimate, which is how Open Bandit Pipeline makes intervals; "
            "*empirical*: the normal interval without the predicted variance, with its coverage."
        ),
        "| world | shadow | truth | estimate | width | covered | always valid: width | at every look |"
        " bootstrap | empirical: width, covered | effective sample |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['world']} | {r['shadow']} | {100 * r['truth']:+.2f} | {100 * r['estimate']:+.2f}"
        f" | {100 * r['width']:.1f} | {r['covered']:.1%} | {100 * r['always_width']:.1f} | {r['always_covered']:.1%}"
        f" | {100 * r['bootstrap_width']:.1f} | {100 * r['empirical_width']:.1f}, {r['empirical_covered']:.1%}"
        f" | {r['effective_sample_size']:.0f} of {r['rewarded']:.0f} |"
        for r in coverage.measure(lives)
    ]
    lines += [
        "",
        "## Automatic promotion",
        "",
        *paragraph(
            "The active policy is LinUCB with ε = 0.5; three shadows, one of them better. The guard looks 40 "
            "times, with a margin of 0 and no floor or ceiling, from 200 outcomes on."
        ),
        "| world | shadow | truth (least to most) | promoted | after decisions (median) |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {r['world']} | {r['shadow']} | {r['truth']:+.2f} ({r['least_truth']:+.2f} to {r['most_truth']:+.2f})"
        f" | {r['promoted']:.1%} | {r['after'] or '—'} of {r['decisions']} |"
        for r in promotion.measure(lives)
    ]
    return "\n".join(lines) + "\n"
