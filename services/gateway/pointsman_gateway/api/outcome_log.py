"""Appending an outcome to the log that learning is made from."""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.outcome import Outcome
from pointsman.runtime.bus import Appended, Bus
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.instruments import Counter


async def append_outcome(bus: Bus, outcome: Outcome, timeout_s: float) -> Appended:
    """Append, and count what was not there before.

    Raises
    ------
    BusUnavailable
        The log may or may not have it: the same again does no harm.
    AppendRefused
        The log does not have it.
    """
    subject, headers = subjects.outcomes(outcome.tier), {"Nats-Msg-Id": outcome.decision_id}
    began_s = perf_counter()
    with tracing.sending("append", subject, {"pointsman.decision_id": outcome.decision_id}) as traced:
        stored = await bus.append(subject, encode(outcome), timeout_s, headers | traced if traced else headers)
    metrics.hop_seconds.labels("outcome_log", outcome.tier).observe(perf_counter() - began_s)
    if not stored.duplicate:
        _accepted(outcome.tier, outcome.learn).inc()
    return stored


@lru_cache(maxsize=1024)
def _accepted(tier: str, learn: bool) -> Counter:
    return metrics.outcomes_accepted.labels(tier, "true" if learn else "false")
