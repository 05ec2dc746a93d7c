"""Check before a rebuild: does the log still contain everything that the store has learned from it?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.contracts.messages import subjects
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.audit import ShowProgress
from pointsman.learning.ledger import TierLedger, read_outcome
from pointsman.learning.tier_store import TierChanges, TierStore
from pointsman.runtime.bus import Bus, BusUnavailable, LogReader, StreamInfo
from pointsman.runtime.store.store import Store

READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RebuildCheck:
    """What a rebuild of a tier would leave.

    ``stored``: number of outcomes that the store has learned from.
    ``in_log``: number of outcomes that a replay of the log up to the same place learns from.
    ``missing``: what the log no longer has; empty when a rebuild loses nothing.
    """

    tier: str
    stored: int
    in_log: int
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class _Log:
    """The log as it was read: its state, the number of messages that were read, and each tier's replay."""

    info: StreamInfo
    read: int = 0
    ledgers: dict[str, TierLedger] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Number of messages between the first and the last that could not be read."""
        state = self.info.state
        return state.last_seq - state.first_seq + 1 - self.read if state.messages else 0

    @property
    def whole(self) -> bool:
        """Whether it certainly has every message from its creation on."""
        created_with = self.info.config.first_seq
        return self.lost == 0 and created_with > 1 and self.info.state.first_seq == created_with


async def check_rebuild(
    bus: Bus, store: Store, tiers: Sequence[str], progress: ShowProgress | None = None
) -> list[RebuildCheck]:
    """Read the whole log, and replay each tier in memory up to the store's watermark; change nothing.

    A log that is whole, and is the one that was learned from, is enough: where the store differs from it, the store is
    wrong. From any other log, as many outcomes of each arm must be learned as the store has.

    Raise `BusError`, such as `StreamMissing` when there is no log, or `StateError`.
    """
    stored = {tier: await TierStore(store, tier).changes() for tier in tiers}
    log = await _read(bus, stored, progress)
    return [_compare(tier, stored[tier], log) for tier in tiers]


async def relearn(bus: Bus, tier: str, stored: TierChanges) -> TierLedger | None:
    """Learn a tier again from the log, up to the store's watermark; None if the log does not have all of it."""
    log = await _read(bus, {tier: stored}, None)
    return None if _compare(tier, stored, log).missing else log.ledgers[tier]


def _compare(tier: str, stored: TierChanges, log: _Log) -> RebuildCheck:
    ledger, at_ms = log.ledgers[tier], stored.watermark_at_ms
    arms = ledger.learner.arms
    missing = []
    if at_ms and (ledger.watermark, ledger.watermark_at_ms) != (stored.watermark, at_ms):
        missing.append(f"the log does not have the last message that was learned from, {stored.watermark}")
    if missing or not log.whole or stored.epoch != log.info.created:
        for arm, learned in sorted(stored.arms.items()):
            in_log = arms[arm].n if arm in arms else 0
            if in_log < learned.n:
                missing.append(f"arm {arm} was learned from {learned.n:,} outcomes, of which the log has {in_log:,}")
    if missing:
        state = log.info.state
        lost = f", and {log.lost:,} between these are lost" if log.lost else ""
        missing.append(f"the log has {log.read:,} messages, from {state.first_seq} to {state.last_seq}{lost}")
    return RebuildCheck(
        tier,
        sum(state.n for state in stored.arms.values()),
        sum(state.n for state in arms.values()),
        tuple(missing),
    )


async def _read(bus: Bus, stored: dict[str, TierChanges], progress: ShowProgress | None) -> _Log:
    """Read the log to its present end, and replay each tier up to its watermark."""
    log = _Log(await bus.info(subjects.OUTCOMES))
    log.ledgers = {tier: TierLedger(bits=AppliedBits(complete=True)) for tier in stored}
    end = log.info.state.last_seq if log.info.state.messages else 0
    reader = LogReader(bus, subjects.OUTCOMES, subjects.outcomes("*"), 1)
    at = 0
    try:
        while at < end:
            batch = await reader.next_batch(wait_s=READ_TIMEOUT_S)
            if not batch:
                if reader.idle:
                    break  # the last messages are lost
                raise BusUnavailable(f"the outcome log cannot be read after {at}")
            for message in batch:
                at = message.sequence
                if at > end:
                    break
                log.read += 1
                tier = subjects.parse_tier(message.subject)
                if tier in stored and at <= stored[tier].watermark:
                    entry = read_outcome(message.subject, message.data, at, message.at_ms)
                    log.ledgers[tier].apply(entry)
            if progress:
                progress(min(at, end), end)
    finally:
        await reader.close()
    return log
