"""``pointsman replay FILE``: drive a recorded sequence of picks and updates through a running stack, over HTTP.

The file holds events, in order, as one JSON object a line, or as one JSON document that has them under ``events``::

    {"op": "pick", "tier": "SIMPLE", "context": [1, 0.2], "candidates": [{"provider": "p", "model": "m"}],
     "expect": {"provider": "p", "model": "m"}}
    {"op": "update", "tier": "SIMPLE", "quality": 80, "cost_usd": 0.002, "latency_ms": 300}
    {"op": "update", "tier": "SIMPLE", "reward": 61.5}

A pick asks for a decision. ``candidates`` (by default the tier's arms) and ``expect``, the choice to compare with, may
be left out. An update is the outcome of the last pick of its tier: either measurements, or a reward, which is brought
into 0 to 100. It may name the arm it is for, as ``provider`` and ``model``; where another one was picked, the update
is skipped, because nobody knows what came of that. Other fields are not looked at.

With one event at a time (the default), a pick knows exactly the updates that came before it in its tier, however many
decision replicas there are: the replay waits until the last outcome is applied, and the answer to the pick says from
how many outcomes each candidate has learned. A pick that came from a replica that had not heard yet is asked again,
which changes nothing, because picks teach nothing. Nobody else may send outcomes for these arms meanwhile.

With several at a time nothing waits and ``expect`` is not compared: then it is a way to make traffic.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.devtools.replay.runner import Result
    from pointsman.cli.options import Subparsers

SHOWN = 10


def add_replay(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "replay",
        help="drive a recorded file of picks and updates through a running stack",
        description="\n".join(__doc__.splitlines()[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exits 1 when a choice differs from the one expected.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the events; - reads standard input")
    parser.add_argument(
        "--concurrency",
        metavar="N",
        type=int,
        default=1,
        help="picks at a time; above 1 nothing is compared (default: 1)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not 1 <= options.concurrency <= 1024:
        raise CommandFailed(f"--concurrency: expected 1 to 1024, got {options.concurrency}", code=2)
    import asyncio  # noqa: PLC0415  # slow to import, and not needed to refuse an option

    import msgspec  # noqa: PLC0415  # as above

    from pointsman.cli.devtools.replay.recording import RecordingError, read_recording  # noqa: PLC0415  # as above
    from pointsman.cli.devtools.replay.runner import ReplayFailed, replay  # noqa: PLC0415  # as above
    from pointsman.cli.http import GatewayUnreachable  # noqa: PLC0415  # as above

    try:
        data = sys.stdin.buffer.read() if str(options.file) == "-" else options.file.read_bytes()
        recording = read_recording(data)
    except OSError as error:
        raise CommandFailed(f"{options.file}: {error.strerror or error}", code=2) from error
    except RecordingError as error:
        raise CommandFailed(f"{options.file}: {error}", code=2) from error
    target = find_target(options)
    try:
        result = asyncio.run(replay(target.gateway_url, recording, options.concurrency, target.api_key))
    except ValueError as error:
        raise CommandFailed(f"--url or --api-key: {error}", code=2) from error
    except (GatewayUnreachable, ReplayFailed) as error:
        raise CommandFailed(str(error)) from error
    print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() if options.json else summary(result))
    return 1 if result.differences else 0


def summary(result: Result) -> str:
    """Return the result for people."""
    lines = [
        f"{result.picks:,} picks and {result.updates:,} updates in {result.elapsed_s:.1f} s, "
        f"{result.events_per_second:,.0f} events per second",
        f"{result.compared:,} picks compared with what was expected: "
        + (f"{len(result.differences):,} differ" if result.differences else "no difference"),
    ]
    lines += [
        f"  event {each.event}, {each.tier}: expected {each.expected}, got {each.got}"
        for each in result.differences[:SHOWN]
    ]
    if len(result.differences) > SHOWN:
        lines.append(f"  and {len(result.differences) - SHOWN:,} more")
    if result.skipped:
        lines.append(f"updates left out: {result.skipped:,} (for another arm than was picked, or after no pick)")
    if result.asked_again:
        lines.append(f"picks asked again: {result.asked_again:,} (the replica had not heard of the last update yet)")
    return "\n".join(lines)
