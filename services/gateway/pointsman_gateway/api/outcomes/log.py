"""The outcome log: append an outcome, read one, and find the one that was applied for a decision."""

from time import perf_counter
from typing import NamedTuple

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import MessageError, UnknownVersion
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Appended, Bus
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing


class LearnedOutcome(NamedTuple):
    """An outcome that was learned from, its sequence in the log, and its reward (0 to 1)."""

    outcome: Outcome
    sequence: int
    reward: float


async def append_outcome(bus: Bus, outcome: Outcome, timeout_s: float) -> Appended:
    """Append an outcome, and count it unless the log already has it.

    After `BusUnavailable`, it is not known whether the log has it: append it again. After `AppendRefused`, the log
    does not have it.
    """
    subject, headers = subjects.outcomes(outcome.tier), {"Nats-Msg-Id": outcome.decision_id}
    started_s = perf_counter()
    with tracing.sending("append", subject, {"pointsman.decision_id": outcome.decision_id}) as traced:
        stored = await bus.append(subject, encode(outcome), timeout_s, headers | traced if traced else headers)
    metrics.hop_seconds.labels("outcome_log", outcome.tier).observe(perf_counter() - started_s)
    if not stored.duplicate:
        metrics.outcomes_accepted.labels(outcome.tier, "true" if outcome.learn else "false").inc()
    return stored


async def find_applied_outcome(
    store: Store, bus: Bus, decision_id: str, tier: str, decision_sequence: int, timeout_s: float
) -> LearnedOutcome | None:
    """Return the outcome that was applied for a decision; None while there is none."""
    entry = await TierStore(store, tier).outcome_of(decision_sequence)
    if entry is None:
        return None
    outcome = await read_outcome(bus, entry.outcome_sequence, timeout_s)
    if outcome is None or outcome.decision_id != decision_id:
        return None  # the store belongs to another log than the current one
    return LearnedOutcome(outcome, entry.outcome_sequence, entry.reward)


async def read_outcome(bus: Bus, sequence: int, timeout_s: float) -> Outcome | None:
    """Return the outcome with a sequence of the log; None when there is none or it is not readable.

    Raise `UnknownVersion` when a newer Pointsman wrote it.
    """
    stored = await bus.get(subjects.OUTCOMES, sequence, timeout_s)
    if stored is None:
        return None
    try:
        return decode(outcome_decoder, stored.data)
    except UnknownVersion:
        raise
    except MessageError:
        return None
