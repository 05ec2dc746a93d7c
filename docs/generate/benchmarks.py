"""``docs/explanation/benchmarks.md``: the latest results with their plots."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.report import to_markdown
from docs import DOCS
from docs.generate.markdown import MADE

RESULTS = DOCS.parent / "benchmarks" / "results"

FIGURES = {
    "kernel": "Time of a decision in memory, Pointsman and three libraries, by number of arms",
    "learning": "From an outcome's 202 to all replicas deciding with it: median, 99th percentile and worst",
    "path": "Throughput and 99th percentile of the whole path, each divided by those of the floor",
    "shadow": "Decisions made by two replicas and evaluated by one evaluator with ten shadows, per second",
    "views": "What the gateway takes to answer each view of the dashboard, with a million decisions in the store",
    "llm": "Requests for a second of the gateway process's processor time, and time added, each divided by LiteLLM's",
}
"""The description of each plot, by part of the results."""

_ABOUT = """\
Measured by `make bench` on one machine on one day. [How benchmarks are made](../../benchmarks/README.md) describes the
methods and the targets. Read the ratios: compared systems were measured in the same run, in turns. Missed targets are
marked. Separate [simulations](../../benchmarks/README.md#evidence) measure how well policies learn, and how often
intervals and automatic promotion are right; [what to expect](what-to-expect.md) has the short version.
"""


def latest() -> tuple[Path, dict[str, Any]]:
    """Return the file with the latest results, and its content."""
    found = [(file, json.loads(file.read_bytes())) for file in RESULTS.glob("*.json")]
    return max((one for one in found if "machine" in one[1]), key=lambda one: (one[1]["at"], one[0].name))


def page() -> str:
    """Return the page."""
    _, results = latest()
    text = to_markdown(results).partition("\n")[2].strip()
    lines = [MADE, "", "# Benchmarks", "", *_ABOUT.splitlines(), "", f"Results of {results['at'][:10]}:"]
    return "\n".join([*lines, *_with_figures(text, results)]).strip() + "\n"


def _with_figures(text: str, results: dict[str, Any]) -> list[str]:
    """Return the results' lines with each part's plot under the part's heading."""
    parts = iter(part for part in FIGURES if part in results)
    lines = []
    for line in text.splitlines():
        lines.append(line)
        if re.match(r"## ", line) and (part := next(parts, None)) and (DOCS / f"figures/benchmark-{part}.svg").exists():
            lines += ["", f"![{FIGURES[part]}](../figures/benchmark-{part}.svg)"]
    return lines
