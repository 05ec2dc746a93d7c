"""Reading one decision by its id: a direct get, and the check that it is the one that was meant."""

from __future__ import annotations

from pointsman.bus import Bus
from pointsman.messages.codec import decode
from pointsman.messages.decision import DecisionEvent, event_decoder
from pointsman.messages.ids import DecisionId
from pointsman.messages.subjects import DECISIONS, decision_log
from services.gateway.problems import ProblemError


async def read_decision(bus: Bus, wanted: DecisionId, timeout_s: float) -> tuple[DecisionEvent, bytes]:
    """Return a decision, decoded and as it is in the log.

    Raises
    ------
    ProblemError
        404 when the log has no such decision: it is too old, of another log, or was never made.
    """
    stored = None if wanted.sequence is None else await bus.get(DECISIONS, wanted.sequence, timeout_s)
    if stored is not None and stored.subject == decision_log(wanted.tier):
        event = decode(event_decoder, stored.data)
        if event.nonce == wanted.nonce:
            return event, stored.data
    raise ProblemError(404, "no such decision in the log", "decision_id")
