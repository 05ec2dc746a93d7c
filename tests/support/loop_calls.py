"""Driving the loop over NATS as the gateway does: decisions asked for, outcomes appended, and what came of them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import (
    Decision,
    DecisionEvent,
    DecisionRequest,
    decision_decoder,
    event_decoder,
)
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome
from pointsman.core.bandit import Arm
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import TierLedger, read_outcome
from pointsman.learning.tier_store import TierStore, encode_arm
from pointsman.runtime.bus import Bus, LogReader, ensure_streams
from pointsman.runtime.bus.policies import configure_policies
from pointsman.runtime.store.store import Store
from tests.support.waiting import eventually

CONTEXT = [1.0, 0.5, -0.25]
REQUEST_TIMEOUT_S = 20.0


def prepare(url: str, config: Config) -> None:
    """Make the streams and put the configured policies in force, as the gateway does when it starts."""

    async def make() -> None:
        bus = await Bus.connect(url, "prepare")
        await ensure_streams(bus, config.nats)
        await configure_policies(bus, config)
        await bus.close()

    asyncio.run(make())


async def decide(bus: Bus, tier: str, context: list[float] | None = None) -> Decision:
    """Ask a replica for a decision; fail unless it makes one."""
    request = DecisionRequest(tier=tier, context=context or CONTEXT)
    answer = await bus.requests.call(subjects.decide(tier), encode(request), REQUEST_TIMEOUT_S)
    assert not answer.headers, answer.data
    return decision_decoder.decode(answer.data)


async def logged(bus: Bus, decision: Decision) -> DecisionEvent:
    """Read a decision from the log, as it is there at this moment."""
    sequence = parse_id(decision.decision_id).sequence
    assert sequence is not None
    stored = await bus.get(subjects.DECISIONS, sequence)
    assert stored is not None
    assert stored.subject == subjects.decision_log(decision.tier)
    return event_decoder.decode(stored.data)


def outcome_of(decision: Decision, **fields: Any) -> Outcome:
    """Return an outcome as the gateway writes it."""
    return Outcome(
        **{
            "decision_id": decision.decision_id,
            "tier": decision.tier,
            "provider": decision.provider,
            "model": decision.model,
            "decision_sequence": parse_id(decision.decision_id).sequence or 0,
            "context": CONTEXT,
            "propensity": decision.propensity,
            "accepted_at_ms": int(time.time() * 1000),
            "quality": 80.0,
            **fields,
        }
    )


async def report(bus: Bus, outcome: Outcome) -> int:
    """Append an outcome to the log and return its sequence there."""
    return (await bus.append(subjects.outcomes(outcome.tier), encode(outcome))).sequence


async def applied_through(store: Store, tier: str, sequence: int) -> None:
    """Wait until the store has everything up to a sequence of the outcome log."""

    async def reached() -> bool:
        return (await TierStore(store, tier).changes()).watermark >= sequence

    await eventually(reached, f"outcomes of {tier} applied through {sequence}")


async def stored_bytes(store: Store, tier: str) -> dict[Arm, dict[str, bytes | str]]:
    """Return every arm of a tier as it is in the store, to the byte."""
    return {arm: encode_arm(state) for arm, state in (await TierStore(store, tier).changes()).arms.items()}


async def replay(bus: Bus, tier: str) -> TierLedger:
    """Learn a tier's log from its beginning, one message after the other."""
    ledger = TierLedger(bits=AppliedBits(complete=True))
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
    reader = LogReader(bus, subjects.OUTCOMES, subjects.outcomes(tier))
    while last is not None and ledger.watermark < last.sequence:
        for message in await reader.next_batch(wait_s=REQUEST_TIMEOUT_S):
            ledger.apply(read_outcome(message.subject, message.data, message.sequence, message.at_ms))
    await reader.close()
    return ledger


async def assert_store_equals_log(bus: Bus, store: Store, tier: str) -> TierLedger:
    """Compare what is stored with a replay of the log: arms, ranges, applied bits and watermark, to the byte."""
    ledger = await replay(bus, tier)
    changes = await TierStore(store, tier).changes()
    assert changes.watermark == ledger.watermark
    assert changes.ranges == ledger.learner.state()
    expected = {arm: encode_arm(state) for arm, state in ledger.learner.arms.items()}
    assert {arm: encode_arm(state) for arm, state in changes.arms.items()} == expected
    for chunk in ledger.bits.held():
        assert await TierStore(store, tier).applied_chunk(chunk) == ledger.bits.chunk(chunk)
    return ledger


async def read_all(bus: Bus, stream: str, subject: str) -> list[bytes]:
    """Return every message that a stream has of a subject right now."""
    last = await bus.last(stream, subject)
    found: list[bytes] = []
    reader = LogReader(bus, stream, subject)
    reached = 0
    while last is not None and reached < last.sequence:
        for message in await reader.next_batch(wait_s=REQUEST_TIMEOUT_S):
            found.append(message.data)
            reached = message.sequence
    await reader.close()
    return found
