"""The bucket ``policies``: the versioned policies of each tier, which every service watches."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

from pointsman.contracts.config import Config, TierConfig, digest
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import InvalidMessage, MessageError
from pointsman.contracts.messages.policies import PolicyChangeRecord, TierPolicies, policies_decoder
from pointsman.contracts.messages.precedence import describe, override_warning, stays, with_superseded
from pointsman.contracts.messages.subjects import POLICIES_STREAM, POLICIES_SUBJECTS, parse_tier
from pointsman.contracts.messages.switch import changed
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusError, PoliciesUnreadable, WrongSequence
from pointsman.runtime.bus.jetstream import StoredMessage
from pointsman.runtime.bus.reader import LogReader
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.policies")

READ_TIMEOUT_S = 30.0
RETRY_INTERVAL_S = 0.5

OnChange = Callable[[str, int, TierPolicies], None]
"""Called with the tier, the version and the policies."""


class Revision(NamedTuple):
    """One version of a tier's policies in the bucket.

    ``at_ms``: when NATS stored it (Unix milliseconds).
    ``policies``: None when it cannot be read.
    ``problem``: why it cannot be read.
    """

    version: int
    at_ms: int
    policies: TierPolicies | None
    problem: str = ""


def configured(config: Config, tier: TierConfig) -> TierPolicies:
    """Return the policies that the configuration gives a tier."""
    now_ms = int(time.time() * 1000)
    return TierPolicies(
        active=config.active(tier),
        shadows=config.shadows(tier),
        configured=digest(config, tier),
        changed_at_ms=now_ms,
        active_since_ms=now_ms,
    )


async def read_policies(bus: Bus, tier: str) -> tuple[int, TierPolicies] | None:
    """Return a tier's policies and their version; None when the bucket never had any.

    Raise `PoliciesUnreadable` when another client wrote or deleted them. The services keep the previous ones.
    Raise `UnknownVersion` when a newer Pointsman wrote them.
    """
    stored = await bus.last(POLICIES_STREAM, f"{POLICIES_SUBJECTS}.{tier}")
    if stored is None:
        return None
    try:
        return stored.sequence, decode(policies_decoder, stored.data)
    except InvalidMessage as error:
        reason = str(error) if stored.data else "they were deleted"
        raise PoliciesUnreadable(tier, stored.sequence, reason) from error


async def read_history(bus: Bus, tier: str) -> list[Revision]:
    """Return the versions of a tier's policies that are in the bucket, the newest first.

    The bucket keeps the last `pointsman.runtime.bus.streams.POLICIES_HISTORY` of each tier.
    """
    subject = f"{POLICIES_SUBJECTS}.{tier}"
    found: list[Revision] = []
    sequence = 1
    while (stored := await bus.next(POLICIES_STREAM, subject, sequence)) is not None:
        sequence = stored.sequence + 1
        try:
            found.append(Revision(stored.sequence, stored.at_ms, decode(policies_decoder, stored.data)))
        except MessageError as error:
            problem = str(error) if stored.data else "they were deleted"
            found.append(Revision(stored.sequence, stored.at_ms, None, problem))
    return found[::-1]


async def write_policies(bus: Bus, tier: str, policies: TierPolicies, expected_version: int) -> int:
    """Put a tier's policies in force and return their version.

    Raise `WrongSequence` when another writer was first: the version is not the expected one.
    """
    headers = {"Nats-Expected-Last-Subject-Sequence": str(expected_version)}
    return (await bus.append(f"{POLICIES_SUBJECTS}.{tier}", encode(policies), headers=headers)).sequence


async def configure_policies(bus: Bus, config: Config) -> None:
    """Write the configured policies to the bucket, once for each configuration; the first service to do so wins.

    A configuration that was applied before changes nothing, and is reported where it is not in force.
    """
    for tier in config.tier:
        wanted = configured(config, tier)
        before = 0
        current = None
        try:
            found = await read_policies(bus, tier.name)
            if found is not None:
                before, current = found
                warning = override_warning(tier.name, current, wanted)
                if stays(current, wanted.configured):
                    if warning:
                        log.warning("tier %s: %s", tier.name, warning)
                    continue
                if warning and current.changed_by != "configuration":
                    replaced = describe(current.active)
                    log.warning("tier %s: the changed file replaces %s, which is in the history", tier.name, replaced)
        except PoliciesUnreadable as error:
            log.error("%s; they are replaced by the configured ones", error)
            before = error.version
        record = PolicyChangeRecord(at_ms=wanted.changed_at_ms, kind="configuration", by="configuration")
        try:
            version = await write_policies(
                bus, tier.name, changed(current, with_superseded(wanted, current), record), before
            )
        except WrongSequence:
            continue  # another service was first
        log.info("tier %s runs %s, version %d", tier.name, wanted.active.name, version)


async def _is_replaced(bus: Bus, message: StoredMessage) -> bool:
    """Return whether the bucket has a newer version, according to its leader; False while that is not known.

    In a recreated bucket, a version below the known ones is the newest.
    """
    with contextlib.suppress(BusError):
        return await bus.last_sequence(POLICIES_STREAM, message.subject) > message.sequence
    return False


async def watch_policies(bus: Bus, on_change: OnChange) -> None:
    """Call back with the policies of each tier, at once and after every change, until cancelled."""
    reader = LogReader(bus, POLICIES_STREAM, f"{POLICIES_SUBJECTS}.*", last_per_subject=True)
    known: dict[str, tuple[int, bytes]] = {}
    try:
        while True:
            try:
                for message in await reader.next_batch(wait_s=READ_TIMEOUT_S):
                    tier, entry = parse_tier(message.subject), (message.sequence, message.data)
                    if known.get(tier) == entry:
                        continue  # the reader was restarted
                    if tier in known and message.sequence < known[tier][0] and await _is_replaced(bus, message):
                        continue  # the reader was restarted on a replica that is behind
                    known[tier] = entry
                    with contextlib.suppress(MessageError):
                        on_change(tier, message.sequence, decode(policies_decoder, message.data))
            except BusError as error:
                log.debug("watching policies: %s", error)
                await asyncio.sleep(RETRY_INTERVAL_S)
    finally:
        await reader.close()
