"""The command ``pointsman logs``: show the streams of NATS, and restore those that it no longer has."""

import argparse
import asyncio

from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import Target, add_target_options, find_target
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus, BusError, StreamMissing
from pointsman.runtime.bus.recovery import begin_stream, missing_streams, restore_stream
from pointsman.runtime.bus.replication import STREAMS

CONNECT_TIMEOUT_S = 5.0
INCOMPLETE = 1
_REBUILD = "The restored log has another time of creation, so each tier is halted until `pointsman rebuild` has run."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Shows each stream of NATS: its messages, and how many are missing between the first and the last. `restore` "
        "restores streams that NATS no longer has, such as one with a damaged meta.inf, from the files of NATS; no "
        "message is deleted. Exit code 0: complete; 1: a stream or messages are missing; 3: NATS cannot be reached."
    )
    parser.add_argument("action", nargs="?", choices=["restore"], help="restore missing streams")
    parser.add_argument(
        "--new",
        metavar="STREAM",
        action="append",
        default=[],
        choices=STREAMS,
        help="with restore: begin this stream, empty, if NATS has no files of it; may be repeated",
    )
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.new and options.action is None:
        raise CommandFailed("--new is an option of `pointsman logs restore`", code=2)
    target = find_target(options)
    try:
        return asyncio.run(_connected(options, target))
    except (BusError, TimeoutError) as error:
        reason = str(error) or f"no response from {target.nats.public_url} within {CONNECT_TIMEOUT_S:g} s"
        raise CommandFailed(reason, code=3) from error


async def _connected(options: argparse.Namespace, target: Target) -> int:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        bus = await Bus.connect(target.nats, "pointsman-cli")
    try:
        return await (_restore(bus, target, options.new) if options.action else _show(bus))
    finally:
        await bus.close()


async def _show(bus: Bus) -> int:
    code = 0
    for stream in STREAMS:
        try:
            state = (await bus.info(stream)).state
        except StreamMissing:
            print(f"{stream:<12} does not exist")
            code = INCOMPLETE
            continue
        missing = 0 if stream == subjects.POLICIES_STREAM else state.missing
        code = max(code, INCOMPLETE if missing else 0)
        note = f", {missing:,} MISSING" if missing else ""
        print(f"{stream:<12} {state.messages:>12,} messages, {state.first_seq} to {state.last_seq}{note}")
    return code


async def _restore(bus: Bus, target: Target, new: list[str]) -> int:
    missing = await missing_streams(bus)
    if not missing:
        print("no stream is missing")
        return 0
    code = 0
    for stream in missing:
        state = await restore_stream(bus, target.nats, stream)
        if state is not None:
            print(f"{stream}: restored {state.messages:,} messages, {state.first_seq} to {state.last_seq}")
            if stream == subjects.OUTCOMES:
                print(_REBUILD)
        elif stream in new:
            await begin_stream(bus, target.nats, stream)
            print(f"{stream}: begun, empty")
        else:
            print(f"{stream}: NATS has no files of it. Restore a backup, or begin it with --new {stream}")
            code = INCOMPLETE
    return code
