"""``python -m benchmarks.evidence [part …]``: simulate, and write ``benchmarks/results/evidence-<part>.md``.

Each part is a module of this package with a function `page`, which simulates and returns the page.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results"
PARTS = {
    "reports": "do intervals hold the truth, and promotions what is better; half an hour",
    "learning": "how much of what can be learned is learned, after how many requests; 15 minutes",
    "robustness": "lock-in, and what one absurd outcome changes; 5 minutes",
    "starts": "what a new model costs, and what labelled prompts save; 10 minutes",
    "drift": "how soon a model that changed loses its traffic, and false alarms; 20 minutes",
    "features": "what the features of chat requests are worth; 2 minutes",
    "languages": "how much of a topic the features see, by language; seconds",
}


def main() -> None:
    """Simulate the named parts, or all."""
    described = "\n".join(f"  {part:12}{question}" for part, question in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence",
        description=f"{__doc__}\nparts:\n{described}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="part", help="one of the parts below; all when left out")
    parser.add_argument("--lives", type=int, help="simulated lives of each kind; each part has its own default")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder to write to (%(default)s)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # Before numpy is loaded: the matrices are small, and threads only get into each other's way.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    for part in arguments.parts or PARTS:
        print(f"simulating {part} …", file=sys.stderr, flush=True)
        text = importlib.import_module(f"benchmarks.evidence.{part}").page(arguments.lives)
        (arguments.out / f"evidence-{part}.md").write_text(text, encoding="utf-8")
        print(text, flush=True)


if __name__ == "__main__":
    main()
