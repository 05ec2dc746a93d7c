"""Audit of a tier: replay the outcome log and compare every byte with the store."""

from collections.abc import Callable
from dataclasses import dataclass

from pointsman.contracts.messages import subjects
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import Dead, Skipped, TierLedger, read_outcome
from pointsman.learning.tier_store import TierChanges, TierStore, encode_arm, encode_ranges
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store

READ_TIMEOUT_S = 10.0
ShowProgress = Callable[[int, int], None]
"""Called with the sequence reached and the sequence to reach."""


@dataclass(slots=True)
class Audit:
    """Result of the audit of one tier.

    ``watermark``: sequence of the last outcome that the store has applied.
    ``outcomes``, ``skipped``, ``dead``: number of messages of the log up to there: all, skipped, unreadable.
    ``difference``: description of the first difference; empty when there is none.
    """

    tier: str
    watermark: int = 0
    outcomes: int = 0
    skipped: int = 0
    dead: int = 0
    difference: str = ""


class _Replay:
    """Replay of the log of one tier from its beginning, as far as requested."""

    def __init__(self, bus: Bus, audit: Audit, progress: ShowProgress | None) -> None:
        self.ledger = TierLedger(bits=AppliedBits(complete=True))
        self.reader = LogReader(bus, subjects.OUTCOMES, subjects.outcomes(audit.tier), 1)
        self._audit = audit
        self._progress = progress
        self._ahead: list[StoredMessage] = []

    async def advance(self, watermark: int) -> bool:
        """Replay up to the watermark; return whether the log has a message of the tier at exactly that sequence."""
        while self.ledger.watermark < watermark:
            if not self._ahead:
                batch = await self.reader.next_batch(wait_s=READ_TIMEOUT_S)
                if not batch and await self.reader.complete_at() is not None:
                    return False
                self._ahead = batch[::-1]
                continue
            if self._ahead[-1].sequence > watermark:
                return False
            message = self._ahead.pop()
            result = self.ledger.apply(read_outcome(message.subject, message.data, message.sequence, message.at_ms))
            self._audit.skipped += isinstance(result, Skipped)
            self._audit.dead += isinstance(result, Dead)
            self._audit.outcomes += 1
            if self._progress and (self._audit.outcomes % 1000 == 0 or self.ledger.watermark == watermark):
                self._progress(self.ledger.watermark, watermark)
        return self.ledger.watermark == watermark


async def audit_tier(bus: Bus, store: Store, tier: str, progress: ShowProgress | None = None) -> Audit:
    """Replay a tier's log from its beginning and compare every byte with the store, while both may grow.

    Raise `BusError` or `StateError` when the log or the store cannot be read.
    """
    audit = Audit(tier)
    stored = await TierStore(store, tier).changes()
    audit.watermark = stored.watermark
    info = await bus.info(subjects.OUTCOMES)
    if stored.epoch != info.created and stored.watermark:
        audit.difference = f"the store was learned from the log created {stored.epoch or '?'}, not {info.created}"
        return audit
    if stored.watermark > info.state.last_seq:
        audit.difference = f"the store is at {stored.watermark}; the log ends at {info.state.last_seq}"
        return audit
    replay = _Replay(bus, audit, progress)
    try:
        if not await replay.advance(stored.watermark):
            audit.difference = f"the log has no outcome of this tier at the watermark, {stored.watermark}"
            return audit
        audit.difference = (
            _compare_arms(stored, replay.ledger)
            or _compare_rest(stored, replay.ledger)
            or await _compare_bits(store, tier, replay)
        )
    finally:
        await replay.reader.close()
    return audit


def _compare_arms(stored: TierChanges, ledger: TierLedger) -> str:
    for arm in sorted(stored.arms.keys() | ledger.learner.arms.keys()):
        if arm not in stored.arms:
            return f"arm {arm}: in the log, not in the store"
        if arm not in ledger.learner.arms:
            return f"arm {arm}: in the store, not in the log"
        in_store, in_log = encode_arm(stored.arms[arm]), encode_arm(ledger.learner.arms[arm])
        for name, value in in_log.items():
            if in_store[name] != value:
                shown = "" if isinstance(value, bytes) else f": {in_store[name]!s} stored, {value} by the log"
                return f"arm {arm}: {name} differs{shown}"
    return ""


def _compare_rest(stored: TierChanges, ledger: TierLedger) -> str:
    in_log = ledger.learner.state()
    if stored.watermark and encode_ranges(stored.ranges) != encode_ranges(in_log):
        names = sorted(name for name in stored.ranges | in_log if stored.ranges.get(name) != in_log.get(name))
        shown = "; ".join(f"{name} {stored.ranges.get(name)} stored, {in_log.get(name)} by the log" for name in names)
        return f"ranges differ: {shown or 'in their order'}"
    if stored.watermark_at_ms not in (0, ledger.watermark_at_ms):
        return f"the log has another message at the watermark, {stored.watermark}, than was learned from"
    if stored.decision_high != ledger.decision_high:
        return f"decision_high: {stored.decision_high} stored, {ledger.decision_high} by the log"
    return ""


async def _compare_bits(store: Store, tier: str, replay: _Replay) -> str:
    """Compare the applied bits chunk by chunk, each at the store's watermark at that moment."""
    with store_errors():
        stored = {keys.chunk_of(name) async for name in store.redis.scan_iter(keys.applied_pattern(tier), count=1000)}
        for chunk in sorted(stored | replay.ledger.bits.held()):
            async with store.redis.pipeline(transaction=True) as pipe:
                pipe.hget(keys.tier(tier), "watermark")
                pipe.get(keys.applied(tier, chunk))
                watermark, bits = await pipe.execute()
            if not await replay.advance(int(watermark or 0)):
                return f"the store has advanced to {int(watermark or 0)}, which the log does not have"
            if (bits or b"").rstrip(b"\0") != replay.ledger.bits.chunk(chunk):
                first, last = chunk * keys.APPLIED_CHUNK, (chunk + 1) * keys.APPLIED_CHUNK - 1
                return f"applied bits of decisions {first} to {last} differ"
    return ""
