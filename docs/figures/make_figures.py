"""``python -m docs.figures.make_figures [name …]``: draw the named figures, or all of them; seconds each.

They need the extra ``docs`` and the demo's prompts: ``make docs-figures`` has both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from docs.figures import benchmarks, confidence, exactly_once, learning, propensity, shadow, what_to_expect

FIGURES: dict[str, Callable[[], None]] = {
    "learning": learning.draw,
    "propensity": propensity.draw,
    "confidence": confidence.draw,
    "exactly_once": exactly_once.draw,
    "shadow": shadow.draw,
    "what_to_expect": what_to_expect.draw,
    "benchmarks": benchmarks.draw,
}


def main() -> int:
    """Draw the named figures, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.figures.make_figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(FIGURES))
    names = parser.parse_args().names
    unknown = set(names) - FIGURES.keys()
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    for name in names or FIGURES:
        print(f"drawing {name} …", file=sys.stderr, flush=True)
        FIGURES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
