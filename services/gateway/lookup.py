"""``GET /v1/decisions/{decision_id}``: why a request went to that model, and what came of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pointsman.messages.codec import encode
from pointsman.messages.decision import with_id
from pointsman.messages.ids import parse_id
from pointsman.state import StateError
from services.gateway.backends import Backends
from services.gateway.decision_log import read_decision
from services.gateway.outcome_index import Applied, find_applied
from services.gateway.query import read_query
from services.gateway.replies import Reply
from services.gateway.views import DecisionOutcome, OutcomeView


class Lookup:
    """Finds decisions.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        read_query(request, frozenset())
        decision_id: str = request.path_params["decision_id"]
        decision = parse_id(decision_id)
        bus = self._backends.require_bus()
        _, encoded = await read_decision(bus, decision, self._timeout_s)
        try:
            applied = await find_applied(
                self._backends.store, bus, decision_id, decision.tier, decision.sequence or 0, self._timeout_s
            )
            outcome = _outcome(applied)
        except StateError:
            outcome = DecisionOutcome(outcome_status="unknown")
        # The event is handed on as it was logged, fields of newer versions included.
        body = with_id(encoded, decision_id)[:-1] + b"," + encode(outcome)[1:]
        return Reply(200, body).response()


def _outcome(applied: Applied | None) -> DecisionOutcome:
    if applied is None:
        return DecisionOutcome()
    told = applied.outcome
    view = OutcomeView(
        sequence=applied.sequence,
        accepted_at_ms=told.accepted_at_ms,
        quality=told.quality,
        cost_usd=told.cost_usd,
        latency_ms=told.latency_ms,
        reward=told.reward,
    )
    return DecisionOutcome(outcome=view, reward=applied.reward * 100.0, outcome_status="applied")
