"""Reading one decision by its id: a direct get, and the check that it is the one that was meant."""

from __future__ import annotations

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.subjects import DECISIONS, decision_log
from pointsman.contracts.messages.validation import check_event
from pointsman.runtime.bus import Bus
from pointsman.runtime.telemetry import tracing
from pointsman_gateway.http.problems import ProblemError


async def read_decision(bus: Bus, wanted: DecisionId, timeout_s: float) -> tuple[DecisionEvent, bytes]:
    """Return a decision, decoded and as it is in the log.

    Raises
    ------
    ProblemError
        410 when the decision has left the log, 404 when it was never in it.
    """
    stored = None if wanted.sequence is None else await bus.get(DECISIONS, wanted.sequence, timeout_s)
    if stored is not None and stored.subject == decision_log(wanted.tier):
        try:
            event = decode(event_decoder, stored.data)
            check_event(event, wanted.tier)
        except InvalidMessage as error:  # not the client's mistake, so its fields are not the ones to name
            raise ProblemError(404, "what the log has there is no decision", "decision_id") from error
        if event.nonce == wanted.nonce:
            tracing.link(stored.traceparent)
            return event, stored.data
    if stored is None and wanted.sequence is not None:
        info = await bus.info(DECISIONS, timeout_s)
        if max(info.config.first_seq, 1) <= wanted.sequence < info.state.first_seq:
            raise ProblemError(410, "this decision has left the log; its outcome can no longer count", "decision_id")
    raise ProblemError(404, "no such decision in the log", "decision_id")
