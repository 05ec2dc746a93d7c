"""``pointsman audit`` and ``pointsman rebuild``: the store against the outcome log, which is the truth."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers
    from pointsman.runtime.bus import Bus
    from pointsman.runtime.store.store import Store

CONNECT_TIMEOUT_S = 5.0
STALLED_S = 30.0
POLL_S = 0.2
DIFFERS = 1


def add_audit(subparsers: Subparsers) -> None:
    """Add ``pointsman audit``."""
    parser = subparsers.add_parser(
        "audit",
        help="compare the store with the outcome log, byte for byte",
        description="Learns each tier's outcome log from its beginning and compares every byte with the store, while"
        " everything goes on serving. Exit code 0: the same; 1: something differs (the first thing is named);"
        " 3: could not be compared.",
    )
    parser.add_argument("--tier", help="only this tier")
    add_target_options(parser)
    parser.set_defaults(run=lambda options: _run(options, _audit))


def add_rebuild(subparsers: Subparsers) -> None:
    """Add ``pointsman rebuild``."""
    parser = subparsers.add_parser(
        "rebuild",
        help="make the store anew from the outcome log",
        description="Empties what the store has learned of a tier and waits until the reward-updater has learned it"
        " anew from the log. Decisions go on meanwhile, from the replicas' memory. Also what accepts a log that was"
        " made anew. Exit code 0: done; 1: the updater did not get to the end; 3: could not be started.",
    )
    parser.add_argument("--tier", help="only this tier")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_target_options(parser)
    parser.set_defaults(run=lambda options: _run(options, _rebuild))


Work = Callable[[argparse.Namespace, "Bus", "Store", list[str]], Awaitable[int]]


def _run(options: argparse.Namespace, work: Work) -> int:
    from pointsman.runtime.bus import BusError  # noqa: PLC0415
    from pointsman.runtime.store.errors import StateError  # noqa: PLC0415

    target = find_target(options)
    try:
        return asyncio.run(_connected(options, target, work))
    except (BusError, StateError, TimeoutError) as error:
        reason = str(error) or f"no answer from {target.nats.public_url} within {CONNECT_TIMEOUT_S:g} s"
        raise CommandFailed(reason, code=3) from error


async def _connected(options: argparse.Namespace, target: Target, work: Work) -> int:
    from pointsman.runtime.bus import Bus  # noqa: PLC0415
    from pointsman.runtime.store.store import Store  # noqa: PLC0415

    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        bus = await Bus.connect(target.nats, "pointsman-cli")
    store = Store(target.redis)
    try:
        tiers = await _tiers(bus, store)
        if options.tier is not None:
            if options.tier not in tiers:
                known = f"there are {', '.join(tiers)}" if tiers else "no tier has an outcome yet"
                raise CommandFailed(f"--tier: neither log nor store knows {options.tier!r}; {known}", code=2)
            tiers = [options.tier]
        return await work(options, bus, store, tiers)
    finally:
        await bus.close()
        await store.close()


async def _tiers(bus: Bus, store: Store) -> list[str]:
    """Return every tier that the log or the store knows."""
    from pointsman.contracts.messages import subjects  # noqa: PLC0415
    from pointsman.learning.reset import stored_tiers  # noqa: PLC0415

    in_log = await bus.subjects(subjects.OUTCOMES, subjects.outcomes("*"))
    return sorted({subjects.parse_tier(subject) for subject in in_log} | await stored_tiers(store))


async def _audit(_: argparse.Namespace, bus: Bus, store: Store, tiers: list[str]) -> int:
    from pointsman.learning.audit import audit_tier  # noqa: PLC0415

    code = 0
    for tier in tiers:
        found = await audit_tier(bus, store, tier, partial(_progress, tier))
        if found.difference:
            code = DIFFERS
            _done(f"{tier}: DIFFERS: {found.difference}")
        else:
            _done(
                f"{tier}: the same up to {found.watermark}: {found.outcomes} outcomes, of them {found.skipped} not"
                f" learned from and {found.dead} dead letters"
            )
    if not tiers:
        print("no tier has an outcome yet")
    return code


async def _rebuild(options: argparse.Namespace, bus: Bus, store: Store, tiers: list[str]) -> int:
    from pointsman.contracts.messages import subjects  # noqa: PLC0415
    from pointsman.learning.reset import reset_tier  # noqa: PLC0415

    if not options.yes:
        if not sys.stdin.isatty():
            raise CommandFailed("this empties what the store has learned and makes it anew; say --yes", code=2)
        question = f"Make {', '.join(tiers)} anew from the log? [y/N] "
        if (await asyncio.to_thread(input, question)).strip().lower() not in ("y", "yes"):
            return DIFFERS
    code = 0
    for tier in tiers:
        last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
        end = last.sequence if last else 0
        await reset_tier(store, tier)
        code = max(code, await _await_watermark(store, tier, end))
    return code


async def _await_watermark(store: Store, tier: str, end: int) -> int:
    """Wait until the reward-updater has learned a tier up to the end that the log had."""
    from pointsman.learning.tier_store import TierStore  # noqa: PLC0415

    reached, moved_at = -1, time.monotonic()
    while True:
        now = (await TierStore(store, tier).changes(since=2**62)).watermark
        if now >= end:
            _done(f"{tier}: made anew up to {now}")
            return 0
        if now != reached:
            reached, moved_at = now, time.monotonic()
            _progress(tier, now, end)
        if time.monotonic() - moved_at > STALLED_S:
            _done(f"{tier}: stands still at {now} of {end}: is a reward-updater running, and not halted?")
            return 1
        await asyncio.sleep(POLL_S)


def _progress(tier: str, at: int, end: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{tier}: {at} of {end}\033[K", end="", file=sys.stderr, flush=True)


def _done(text: str) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(text)
