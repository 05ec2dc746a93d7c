"""``POST /v1/outcomes``: join the outcome with its decision, and append it to the log that learning is made from."""

from __future__ import annotations

import msgspec
from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome, OutcomeAccepted, OutcomeReport, report_decoder
from pointsman.contracts.messages.validation import check_report
from pointsman.runtime.bus import Bus
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import about
from pointsman_gateway.api.joining import Joining
from pointsman_gateway.api.outcome_index import read_outcome
from pointsman_gateway.api.outcome_log import append_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.response import HttpResponse

ALREADY_ACCEPTED = "already_accepted"


class Outcomes:
    """Accepts outcomes.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        config = backends.config
        self._backends = backends
        self._max_bytes = config.gateway.max_body_bytes
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        self._joining = Joining(backends)

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        report = decode_body(report_decoder, await read_body(scope, receive, self._max_bytes))
        decision = parse_id(report.decision_id)
        about(report.decision_id)
        check_report(report)
        self._backends.require_tier(decision.tier, "decision_id")
        bus = self._backends.require_bus()
        joined = await self._joining.outcome(bus, report.decision_id, decision)
        counted = await self._joining.counted(bus, report.decision_id, decision)
        if counted is not None:
            return _seen_before(report, counted)
        outcome = msgspec.structs.replace(
            joined,
            quality=report.quality,
            cost_usd=report.cost_usd,
            latency_ms=report.latency_ms,
            reward=report.reward,
        )
        return await self._append(bus, report, outcome)

    async def _append(self, bus: Bus, report: OutcomeReport, outcome: Outcome) -> HttpResponse:
        stored = await append_outcome(bus, outcome, self._timeout_s)
        if stored.duplicate:
            before = await read_outcome(bus, stored.sequence, self._timeout_s)
            if before is not None:
                return _seen_before(report, before)
        return HttpResponse(202, encode(OutcomeAccepted(decision_id=report.decision_id)))


def _seen_before(report: OutcomeReport, stored: Outcome) -> HttpResponse:
    """The same again is fine, and changes nothing; something else for the same decision is a conflict."""
    for name in ("quality", "cost_usd", "latency_ms", "reward"):
        if getattr(report, name) != getattr(stored, name):
            metrics.outcomes_repeated.labels(stored.tier, "409").inc()
            raise ProblemError(409, f"this decision has an outcome with another {name}; the first one stays", name)
    metrics.outcomes_repeated.labels(stored.tier, "200").inc()
    return HttpResponse(200, encode(OutcomeAccepted(decision_id=report.decision_id, status=ALREADY_ACCEPTED)))
