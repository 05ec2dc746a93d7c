"""The bucket ``policies``: which policies each tier runs, versioned, and watched by every service."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from pointsman.bus.bus import Bus
from pointsman.bus.errors import BusError, PoliciesUnreadable, WrongSequence
from pointsman.bus.reader import LogReader
from pointsman.config import Config, TierConfig, digest
from pointsman.messages.codec import decode, encode
from pointsman.messages.errors import InvalidMessage, MessageError
from pointsman.messages.policies import TierPolicies, policies_decoder
from pointsman.messages.subjects import POLICIES_STREAM, POLICIES_SUBJECTS, tier_of
from pointsman.observability.logs import logger

log = logger("bus.policies")

OnChange = Callable[[str, int, TierPolicies], None]
"""Called with the tier, the version and the policies."""


def configured(config: Config, tier: TierConfig) -> TierPolicies:
    """Return the policies that the configuration gives a tier."""
    return TierPolicies(
        active=config.active(tier),
        shadows=config.shadows(tier),
        configured=digest(config, tier),
        changed_at_ms=int(time.time() * 1000),
    )


async def read_policies(bus: Bus, tier: str) -> tuple[int, TierPolicies] | None:
    """Return a tier's policies and their version; None when the bucket never had any.

    Raises
    ------
    PoliciesUnreadable
        When somebody else wrote or deleted them. The services go on with the ones before.
    UnknownVersion
        When a newer Pointsman wrote them.
    """
    stored = await bus.last(POLICIES_STREAM, f"{POLICIES_SUBJECTS}.{tier}")
    if stored is None:
        return None
    try:
        return stored.sequence, decode(policies_decoder, stored.data)
    except InvalidMessage as error:
        reason = str(error) if stored.data else "they were deleted"
        raise PoliciesUnreadable(tier, stored.sequence, reason) from error


async def write_policies(bus: Bus, tier: str, policies: TierPolicies, expected_version: int) -> int:
    """Put a tier's policies in force and return their version.

    Raises
    ------
    WrongSequence
        When the version is no longer the expected one.
    """
    headers = {"Nats-Expected-Last-Subject-Sequence": str(expected_version)}
    return (await bus.append(f"{POLICIES_SUBJECTS}.{tier}", encode(policies), headers=headers)).sequence


async def configure_policies(bus: Bus, config: Config) -> None:
    """Bring the bucket in line with the configuration: once for each configuration, by whichever service is first."""
    for tier in config.tier:
        wanted = configured(config, tier)
        before = 0
        try:
            current = await read_policies(bus, tier.name)
            if current is not None and current[1].configured == wanted.configured:
                continue
            before = current[0] if current else 0
        except PoliciesUnreadable as error:
            log.error("%s; they are replaced by the configured ones", error)
            before = error.version
        try:
            version = await write_policies(bus, tier.name, wanted, before)
        except WrongSequence:
            continue  # another service was first
        log.info("tier %s runs %s, version %d", tier.name, wanted.active.name, version)


async def watch_policies(bus: Bus, on_change: OnChange) -> None:
    """Call back with what each tier runs, now and at every change, for ever."""
    reader = LogReader(bus, POLICIES_STREAM, f"{POLICIES_SUBJECTS}.*", last_per_subject=True)
    try:
        while True:
            try:
                for message in await reader.next_batch(wait_s=30.0):
                    with contextlib.suppress(MessageError):
                        on_change(tier_of(message.subject), message.sequence, decode(policies_decoder, message.data))
            except BusError as error:
                log.debug("watching policies: %s", error)
                await asyncio.sleep(0.5)
    finally:
        await reader.close()
