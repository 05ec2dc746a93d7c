"""The commands ``pointsman audit`` and ``pointsman rebuild``: compare or rebuild the store from the outcome log."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import Target, add_target_options, find_target
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.learning.audit import audit_tier
from pointsman.learning.rebuild_check import check_rebuild
from pointsman.learning.reset import reset_tier, stored_tiers
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, BusError, NoResponders, StreamMissing
from pointsman.runtime.bus.recovery import accept_beginning
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.store import Store

CONNECT_TIMEOUT_S = 5.0
STALLED_AFTER_S = 30.0
POLL_INTERVAL_S = 0.2
DIFFERS = 1


def configure_audit(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman audit``."""
    parser.description = (
        "Replays each tier's outcome log from the beginning and compares every byte with the store, while the services "
        "continue to run. Exit code 0: identical; 1: a difference (the first one is printed); 3: not comparable."
    )
    parser.add_argument("--tier", help="only this tier")
    add_target_options(parser)
    parser.set_defaults(run=lambda options: _run(options, _audit))


def configure_rebuild(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman rebuild``."""
    parser.description = (
        "Deletes the learned state of a tier and waits until the reward-updater has rebuilt it from the outcome log. "
        "Decisions continue from the memory of the replicas. It also makes the reward-updater accept a restored log. "
        "Before it changes anything, it replays the log and refuses if the log no longer has outcomes that the store "
        "has learned from, because a rebuild would forget them, or if no reward-updater runs. "
        "Exit code 0: done; 1: the reward-updater did not reach the end; 3: not started."
    )
    parser.add_argument("--tier", help="only this tier")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument(
        "--force",
        action="store_true",
        help="rebuild although the log is incomplete: what only the store has is forgotten for ever",
    )
    add_target_options(parser)
    parser.set_defaults(run=lambda options: _run(options, _rebuild))


Work = Callable[[argparse.Namespace, Bus, Store, list[str]], Awaitable[int]]


def _run(options: argparse.Namespace, work: Work) -> int:
    target = find_target(options)
    try:
        return asyncio.run(_connected(options, target, work))
    except UnknownVersion as error:
        raise CommandFailed(f"{error}; use the command of the newer version", code=3) from error
    except StreamMissing as error:
        raise CommandFailed(f"{error}; `pointsman logs restore` restores one that NATS cannot read", code=3) from error
    except (BusError, StateError, TimeoutError) as error:
        reason = str(error) or f"no response from {target.nats.public_url} within {CONNECT_TIMEOUT_S:g} s"
        raise CommandFailed(reason, code=3) from error


async def _connected(options: argparse.Namespace, target: Target, work: Work) -> int:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        bus = await Bus.connect(target.nats, "pointsman-cli")
    store = Store(target.redis)
    try:
        tiers = await _tiers(bus, store)
        if options.tier is not None:
            if options.tier not in tiers:
                known = f"there are {', '.join(tiers)}" if tiers else "no tier has an outcome yet"
                raise CommandFailed(f"--tier: {options.tier!r} is neither in the log nor in the store; {known}", code=2)
            tiers = [options.tier]
        return await work(options, bus, store, tiers)
    finally:
        await bus.close()
        await store.close()


async def _tiers(bus: Bus, store: Store) -> list[str]:
    """Return every tier that is in the log or in the store."""
    in_log = await bus.subjects(subjects.OUTCOMES, subjects.outcomes("*"))
    return sorted({subjects.parse_tier(subject) for subject in in_log} | await stored_tiers(store))


async def _audit(_: argparse.Namespace, bus: Bus, store: Store, tiers: list[str]) -> int:
    code = 0
    for tier in tiers:
        found = await audit_tier(bus, store, tier, partial(_progress, tier))
        if found.difference:
            code = DIFFERS
            _done(f"{tier}: DIFFERS: {found.difference}")
        else:
            _done(
                f"{tier}: identical up to {found.watermark}: {found.outcomes} outcomes, of which {found.skipped} were"
                f" not learned from and {found.dead} are dead letters"
            )
    if not tiers:
        print("no tier has an outcome yet")
    return code


async def _rebuild(options: argparse.Namespace, bus: Bus, store: Store, tiers: list[str]) -> int:
    if not options.yes:
        if not sys.stdin.isatty():
            raise CommandFailed("this deletes the learned state and rebuilds it; confirm with --yes", code=2)
        question = f"Rebuild {', '.join(tiers)} from the log? [y/N] "
        if (await asyncio.to_thread(input, question)).strip().lower() not in ("y", "yes"):
            return DIFFERS
    await _refuse_loss(options, bus, store, tiers)
    code = 0
    for tier in tiers:
        last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
        end = last.sequence if last else 0
        await reset_tier(store, tier)
        code = max(code, await _await_watermark(store, tier, end))
    return code


async def _refuse_loss(options: argparse.Namespace, bus: Bus, store: Store, tiers: list[str]) -> None:
    """Check all tiers before one is changed; raise `CommandFailed` if a rebuild would lose something."""
    try:
        await bus.requests.call("$SRV.PING.reward-updater", b"", CONNECT_TIMEOUT_S)
    except NoResponders as error:
        raise CommandFailed("no reward-updater runs, so nothing would be rebuilt; start it first", code=3) from error
    problems = []
    for found in await check_rebuild(bus, store, tiers, partial(_progress, "checking the log")):
        if found.missing:
            problems.append(
                f"{found.tier}: {found.stored:,} outcomes were learned from; a rebuild would leave {found.in_log:,}"
            )
            problems += [f"  {reason}" for reason in found.missing]
    if not problems:
        return
    text = "\n".join(problems)
    if options.force:
        await accept_beginning(bus, subjects.OUTCOMES)  # otherwise the reward-updater halts an empty tier
        _done(f"{text}\nrebuilt nevertheless, because of --force")
        return
    raise CommandFailed(
        f"the log is not complete, nothing was changed:\n{text}\n"
        "Restore the log (docs/how-to/operate.md, Backups). --force forgets what the log no longer has.",
        code=3,
    )


async def _await_watermark(store: Store, tier: str, end: int) -> int:
    """Wait until the reward-updater has applied a tier's log up to the sequence ``end``."""
    reached, moved_at = -1, time.monotonic()
    while True:
        now = (await TierStore(store, tier).changes(since=2**62)).watermark
        if now >= end:
            _done(f"{tier}: rebuilt up to {now}")
            return 0
        if now != reached:
            reached, moved_at = now, time.monotonic()
            _progress(tier, now, end)
        if time.monotonic() - moved_at > STALLED_AFTER_S:
            _done(f"{tier}: no progress at {now} of {end}: check that a reward-updater is running and not halted")
            return 1
        await asyncio.sleep(POLL_INTERVAL_S)


def _progress(tier: str, at: int, end: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{tier}: {at} of {end}\033[K", end="", file=sys.stderr, flush=True)


def _done(text: str) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(text)
