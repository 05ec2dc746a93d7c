"""What became of an answer: its outcome in the log, and what was learned from it."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.core.bandit import Arm
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.loop_calls import applied_through, read_all
from tests.support.waiting import eventually


def decision_id(headers: Mapping[str, str]) -> str:
    """Return the decision behind an answer."""
    return headers["x-pointsman-decision-id"]


async def outcomes_of(bus: Bus, decision: str) -> list[Outcome]:
    """Return every outcome in the log that a decision has right now."""
    tier = parse_id(decision).tier
    found = await read_all(bus, subjects.OUTCOMES, subjects.outcomes(tier))
    return [outcome for data in found if (outcome := outcome_decoder.decode(data)).decision_id == decision]


async def outcome_of(bus: Bus, decision: str) -> Outcome:
    """Wait for the outcome of a decision; there is one and no other."""
    found: list[Outcome] = []

    async def there() -> bool:
        found[:] = await outcomes_of(bus, decision)
        return bool(found)

    await eventually(there, f"outcome of {decision}")
    (outcome,) = found
    return outcome


async def event_of(bus: Bus, decision: str) -> DecisionEvent:
    """Return a decision as it is in the log."""
    sequence = parse_id(decision).sequence
    assert sequence is not None
    stored = await bus.get(subjects.DECISIONS, sequence)
    assert stored is not None
    return event_decoder.decode(stored.data)


async def pulls(bus: Bus, store: Store, tier: str) -> dict[Arm, int]:
    """Return how many outcomes each arm has learned from, once all that are in the log are applied."""
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
    if last is not None:
        await applied_through(store, tier, last.sequence)
    return {arm: state.n for arm, state in (await TierStore(store, tier).changes()).arms.items()}
