"""``pointsman demo``: the command and its options."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_key_option

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers

DEFAULT_DATA_DIR = ".demo"
DEFAULT_SEED = 7
DEFAULT_IN_FLIGHT = 16


def add_demo(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo",
        help="route 3,609 real prompts through the real stack, and watch it learn",
        description="Starts the stack, asks it over HTTP for a decision for each of 3,609 real prompts, tells it what "
        "came of each (the judged quality and the cost of the chosen model's real answer), and sums up. Then has the "
        "gateway call models itself, of a mock provider: streaming, a fallback, feedback, and learning without being "
        "told. Keeps serving until Ctrl-C.",
    )
    parser.add_argument("--once", action="store_true", help="end after the summary")
    parser.add_argument("--limit", metavar="N", type=int, help="route N prompts only")
    parser.add_argument(
        "--seed", metavar="N", type=int, default=DEFAULT_SEED, help=f"of the prompts' order (default: {DEFAULT_SEED})"
    )
    parser.add_argument(
        "--in-flight",
        metavar="N",
        type=int,
        default=DEFAULT_IN_FLIGHT,
        help=f"requests at a time (default: {DEFAULT_IN_FLIGHT})",
    )
    parser.add_argument(
        "--port", metavar="N", type=int, help="the gateway's (default: 8080, or the next that is free; 0: any)"
    )
    parser.add_argument(
        "--data-dir",
        metavar="D",
        type=Path,
        default=Path(os.environ.get("POINTSMAN_DATA_DIR", DEFAULT_DATA_DIR)),
        help="where data and logs go, made anew each time (default: $POINTSMAN_DATA_DIR, or ./.demo)",
    )
    add_key_option(parser)
    parser.add_argument("--keep", action="store_true", help="go on from what an earlier demo learned")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.limit is not None and options.limit < 1:
        raise CommandFailed(f"--limit: expected at least 1, got {options.limit}", code=2)
    if not 1 <= options.in_flight <= 1024:
        raise CommandFailed(f"--in-flight: expected 1 to 1024, got {options.in_flight}", code=2)
    if options.seed < 0:
        raise CommandFailed(f"--seed: expected at least 0, got {options.seed}", code=2)
    if options.port is not None and not 0 <= options.port <= 65535:
        raise CommandFailed(f"--port: expected 0 to 65535, got {options.port}", code=2)
    from pointsman.cli.devtools.demo.demo import run_demo  # noqa: PLC0415  # slow to import, and not needed to refuse an option

    return run_demo(options)
