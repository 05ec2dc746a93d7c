"""``python -m benchmarks [PART] …``: measure, print, and write ``benchmarks/results``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

PARTS = ("kernel", "learning", "path", "shadow", "views", "llm")
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Measure what is named, or everything; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, to see that it works")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder to write to (%(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")

    # Before numpy is loaded: the matrices are small, and threads would take turns from what else is measured.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    from benchmarks.machine import describe_machine  # noqa: PLC0415  # after the thread counts are set
    from benchmarks.report import write_results  # noqa: PLC0415  # as above

    results: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": describe_machine()}
    began = time.monotonic()
    for part in PARTS:
        if not arguments.parts or part in arguments.parts:
            print(f"measuring {part} …", file=sys.stderr, flush=True)
            results[part] = _measure(part, arguments.quick)
    results["took_s"] = round(time.monotonic() - began)
    print(write_results(results, arguments.out))
    return 0


def _measure(part: str, quick: bool) -> Any:
    import uvloop  # noqa: PLC0415  # after the thread counts are set

    from benchmarks import kernel, learning, llm, path, shadow, views  # noqa: PLC0415  # as above

    if part == "kernel":
        return kernel.measure(3) if quick else kernel.measure()
    if part == "learning":
        return uvloop.run(learning.measure(5_000, 30) if quick else learning.measure())
    if part == "shadow":
        return uvloop.run(shadow.measure(2, 2_500) if quick else shadow.measure())
    if part == "views":
        return uvloop.run(views.measure(2, 48) if quick else views.measure())
    if part == "llm":
        return uvloop.run(llm.measure(1, 0.4) if quick else llm.measure())
    return uvloop.run(path.measure(2, 0.3) if quick else path.measure())


if __name__ == "__main__":
    sys.exit(main())
