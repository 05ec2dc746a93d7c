"""``POST /v1/outcomes``: join an outcome with its decision, and append it to the outcome log."""

import msgspec
from starlette.types import Receive, Scope

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome, OutcomeAccepted, OutcomeReport, report_decoder
from pointsman.contracts.messages.validation import check_report
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import bind_decision
from pointsman_gateway.api.decisions.decide import EXAMPLE_ID
from pointsman_gateway.api.outcomes.join import OutcomeJoiner
from pointsman_gateway.api.outcomes.log import append_outcome, read_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.request import decode_body, read_body
from pointsman_gateway.http.response import HttpResponse

ALREADY_ACCEPTED = "already_accepted"
_MEASUREMENTS = ("quality", "cost_usd", "latency_ms", "reward")
_EXAMPLES = {
    "measurements": {"decision_id": EXAMPLE_ID, "quality": 84, "cost_usd": 0.0004, "latency_ms": 730},
    "the reward itself": {"decision_id": EXAMPLE_ID, "reward": 79.5},
}


class OutcomeHandler:
    """Accepts outcomes."""

    def __init__(self, backends: Backends) -> None:
        config = backends.config
        self._backends = backends
        self._max_bytes = config.gateway.max_body_bytes
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        self._joiner = OutcomeJoiner(backends)

    @HttpEndpoint(
        "POST /v1/outcomes",
        name="reportOutcome",
        tag="decisions",
        scope="report",
        hot=True,
        summary="Report the outcome of a decision",
        description="Measurements, or else the reward itself; at least one number. Each decision counts once. The "
        "outcome of a decision with `degraded: true`, or of a chat whose client named the arm, is recorded and never "
        "learned from.",
        body=OutcomeReport,
        examples=_EXAMPLES,
        answers={
            202: AnswerType(
                "The outcome is in the log and will be learned from",
                OutcomeAccepted,
                {"decision_id": EXAMPLE_ID, "status": "accepted"},
            ),
            200: AnswerType(
                "The same outcome was accepted before",
                OutcomeAccepted,
                {"decision_id": EXAMPLE_ID, "status": ALREADY_ACCEPTED},
            ),
        },
        problems=(404, 409, 410, 503),
    )
    async def post(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        report = decode_body(report_decoder, await read_body(scope, receive, self._max_bytes))
        decision = parse_id(report.decision_id)
        bind_decision(report.decision_id)
        check_report(report)
        self._backends.require_tier(decision.tier, "decision_id")
        bus = self._backends.require_stream(subjects.OUTCOMES)
        joined = await self._joiner.join(bus, report.decision_id, decision)
        applied = await self._joiner.find_applied(bus, report.decision_id, decision)
        if applied is not None:
            return _repeated(report, applied)
        outcome = msgspec.structs.replace(joined, **{name: getattr(report, name) for name in _MEASUREMENTS})
        stored = await append_outcome(bus, outcome, self._timeout_s)
        if stored.duplicate:
            first = await read_outcome(bus, stored.sequence, self._timeout_s)
            if first is not None:
                return _repeated(report, first)
        return HttpResponse(202, encode(OutcomeAccepted(decision_id=report.decision_id)))


def _repeated(report: OutcomeReport, first: Outcome) -> HttpResponse:
    """Return 200 for the same outcome again, or raise 409 for a different one."""
    for name in _MEASUREMENTS:
        if getattr(report, name) != getattr(first, name):
            metrics.outcomes_repeated.labels(first.tier, "409").inc()
            raise ProblemError(409, f"this decision already has an outcome with another {name}, which is kept", name)
    metrics.outcomes_repeated.labels(first.tier, "200").inc()
    return HttpResponse(200, encode(OutcomeAccepted(decision_id=report.decision_id, status=ALREADY_ACCEPTED)))
