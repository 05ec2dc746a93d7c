"""Finding what came of a decision: the store says where its outcome is, the outcome log has it."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.contracts.messages.subjects import OUTCOMES
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store


class Applied(NamedTuple):
    """An outcome that was learned from, its place in the log, and the reward (0 to 1) that it was given."""

    outcome: Outcome
    sequence: int
    reward: float


async def find_applied(
    store: Store, bus: Bus, decision_id: str, tier: str, decision_sequence: int, timeout_s: float
) -> Applied | None:
    """Return the outcome that was applied for a decision; None while there is none.

    Raises
    ------
    StoreUnavailable, BusUnavailable
    """
    entry = await TierStore(store, tier).outcome_of(decision_sequence)
    if entry is None:
        return None
    outcome = await read_outcome(bus, entry.outcome_sequence, timeout_s)
    if outcome is None or outcome.decision_id != decision_id:
        return None  # the store speaks of another log than the one that is there
    return Applied(outcome, entry.outcome_sequence, entry.reward)


async def read_outcome(bus: Bus, sequence: int, timeout_s: float) -> Outcome | None:
    """Return an outcome by its place in the log; None when there is none that can be read."""
    stored = await bus.get(OUTCOMES, sequence, timeout_s)
    if stored is None:
        return None
    try:
        return decode(outcome_decoder, stored.data)
    except MessageError:
        return None
