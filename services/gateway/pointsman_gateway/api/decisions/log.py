"""Reading a decision from the decision log by its id."""

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.imports import is_imported
from pointsman.contracts.messages.subjects import DECISIONS, decision_log
from pointsman.contracts.messages.validation import check_event
from pointsman.runtime.bus import Bus
from pointsman.runtime.telemetry import tracing
from pointsman_gateway.http.problems import ProblemError


async def read_decision(bus: Bus, decision: DecisionId, timeout_s: float) -> tuple[DecisionEvent, bytes]:
    """Return a decision, decoded and as the bytes that the log has.

    The id has the log sequence for a direct get, and a nonce that proves that the message is the right one. Raise a
    410 when the decision has been removed from the log, a 404 when it was never in it.
    """
    if decision.sequence is not None and is_imported(decision.sequence):
        raise ProblemError(404, "this is an imported result, for which no decision was made", "decision_id")
    stored = None if decision.sequence is None else await bus.get(DECISIONS, decision.sequence, timeout_s)
    if stored is not None and stored.subject == decision_log(decision.tier):
        try:
            event = decode(event_decoder, stored.data)
            check_event(event, decision.tier)
        except InvalidMessage as error:  # not an error of the client, so none of its fields is named
            raise ProblemError(404, "the log entry with this id is not a decision", "decision_id") from error
        if event.nonce == decision.nonce:
            tracing.link(stored.traceparent)
            return event, stored.data
    if stored is None and decision.sequence is not None:
        info = await bus.info(DECISIONS, timeout_s)
        if max(info.config.first_seq, 1) <= decision.sequence < info.state.first_seq:
            raise ProblemError(
                410, "this decision is no longer in the log; an outcome for it is not accepted", "decision_id"
            )
    raise ProblemError(404, "no such decision in the log", "decision_id")
