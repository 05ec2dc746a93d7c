"""Send a recorded sequence of picks and updates to a running stack over HTTP.

The file has events in order, as one JSON object per line, or as one JSON document with a list ``events``::

    {"op": "pick", "tier": "SIMPLE", "context": [1, 0.2], "candidates": [{"provider": "p", "model": "m"}],
     "expect": {"provider": "p", "model": "m"}}
    {"op": "update", "tier": "SIMPLE", "quality": 80, "cost_usd": 0.002, "latency_ms": 300}
    {"op": "update", "tier": "SIMPLE", "reward": 61.5}

A pick requests a decision. ``candidates`` (default: the arms of the tier) and ``expect``, the choice to compare with,
are optional. An update is the outcome of the last pick of its tier: either measurements, or a reward, which is clamped
to 0 to 100. It may name its arm with ``provider`` and ``model``; if another arm was picked, the update is skipped,
because the outcome of the picked arm is unknown. Other fields are ignored.

With one event at a time (the default) a pick is made from exactly the updates before it in its tier, with any number
of decision replicas: the replay waits until the last outcome is applied, and the response shows from how many outcomes
each candidate has learned. A pick by a replica that is behind is repeated, which has no effect on learning. No other
client may send outcomes for these arms meanwhile.

With several events at a time nothing waits and ``expect`` is not compared: use it to generate traffic.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from pointsman.cli.devtools.replay.recording import RecordingError, read_recording
from pointsman.cli.devtools.replay.runner import ReplayFailed, ReplayResult, replay
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import GatewayUnavailable, print_json
from pointsman.cli.target import add_target_options, find_target

MAX_SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "Exits with 1 when a choice differs from the expected one."
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
    except (GatewayUnavailable, ReplayFailed) as error:
        raise CommandFailed(str(error)) from error
    if options.json:
        print_json(result)
    else:
        print(summary(result))
    return 1 if result.differences else 0


def summary(result: ReplayResult) -> str:
    """Return the result as text."""
    lines = [
        f"{result.picks:,} picks and {result.updates:,} updates in {result.elapsed_s:.1f} s, "
        f"{result.events_per_second:,.0f} events per second",
        f"{result.compared:,} picks compared with the expected choice: "
        + (f"{len(result.differences):,} differ" if result.differences else "no difference"),
    ]
    lines += [
        f"  event {each.event}, {each.tier}: expected {each.expected}, got {each.got}"
        for each in result.differences[:MAX_SHOWN]
    ]
    if len(result.differences) > MAX_SHOWN:
        lines.append(f"  and {len(result.differences) - MAX_SHOWN:,} more")
    if result.skipped:
        lines.append(f"updates skipped: {result.skipped:,} (for another arm than was picked, or without a pick)")
    if result.asked_again:
        lines.append(f"picks repeated: {result.asked_again:,} (the replica had not applied the last update yet)")
    return "\n".join(lines)
