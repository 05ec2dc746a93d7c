"""``POST /v1/feedback``: feedback on an answer, while its outcome waits for it (ADR 0015)."""

import time
from datetime import UTC, datetime

import msgspec
from starlette.types import Receive, Scope

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import (
    THUMBS,
    Feedback,
    FeedbackAccepted,
    FeedbackReport,
    check_feedback,
    feedback_report_decoder,
)
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import FeedbackRecord, Outcome
from pointsman.runtime.bus import Bus
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import bind_decision
from pointsman_gateway.api.decisions.decide import EXAMPLE_ID
from pointsman_gateway.api.feedback.response_index import AmbiguousResponse, ResponseIndex
from pointsman_gateway.api.outcomes.join import OutcomeJoiner
from pointsman_gateway.api.outcomes.log import append_outcome, read_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.request import decode_body, read_body
from pointsman_gateway.http.response import HttpResponse

_EXAMPLES = {
    "thumbs": {"decision_id": EXAMPLE_ID, "thumbs": "up"},
    "a quality": {"decision_id": EXAMPLE_ID, "quality": 84},
    "a metric, by the answer's id": {"response_id": "chatcmpl-9f2c", "metric": {"name": "resolved", "value": 0.8}},
}


class FeedbackHandler:
    """Accepts feedback."""

    def __init__(self, backends: Backends, responses: ResponseIndex) -> None:
        config = backends.config
        self._backends = backends
        self._responses = responses
        self._joiner = OutcomeJoiner(backends)
        self._max_bytes = config.gateway.max_body_bytes
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        self._wait_ms = {tier.name: round(tier.reward_wait_s * 1000.0) for tier in config.tier}
        self._metrics = {metric.name: metric for metric in config.metric}

    @HttpEndpoint(
        "POST /v1/feedback",
        name="giveFeedback",
        tag="decisions",
        scope="report",
        hot=True,
        summary="Give feedback on an answer",
        description="The outcome of an answer waits for feedback for `reward_wait_s` of its tier; the last feedback "
        "counts. For a decision without measurements, the feedback becomes its outcome. 409 when the outcome has been "
        "learned from: the feedback is recorded then, and changes nothing.",
        body=FeedbackReport,
        examples=_EXAMPLES,
        answers={
            202: AnswerType(
                "The feedback is in the log",
                FeedbackAccepted,
                {"decision_id": EXAMPLE_ID, "quality": 84, "status": "accepted"},
            )
        },
        problems=(404, 409, 410, 503),
    )
    async def post(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        report = decode_body(feedback_report_decoder, await read_body(scope, receive, self._max_bytes))
        check_feedback(report)
        quality, source = self._quality(report)
        decision_id = report.decision_id or await self._decision_id(report.response_id or "")
        decision = parse_id(decision_id)
        bind_decision(decision_id)
        self._backends.require_tier(decision.tier, "decision_id")
        bus = self._backends.require_bus()
        outcome = await self._joiner.join(bus, decision_id, decision)
        feedback = Feedback(outcome=outcome, quality=quality, source=source, wait_ms=self._wait_ms[decision.tier])
        applied = await self._joiner.find_applied(bus, decision_id, decision)
        if applied is None and feedback.wait_ms:
            await self._append(bus, feedback)
        elif applied is None:
            applied = await self._append_outcome(bus, feedback)
        if applied is not None:
            await self._append(bus, msgspec.structs.replace(feedback, late=True))
            metrics.feedback_accepted.labels(decision.tier, "late").inc()
            raise _too_late(applied)
        metrics.feedback_accepted.labels(decision.tier, "accepted").inc()
        return HttpResponse(202, encode(FeedbackAccepted(decision_id=decision_id, quality=quality)))

    def _quality(self, report: FeedbackReport) -> tuple[float, str]:
        """Return the quality that the feedback stands for, and its source."""
        if report.quality is not None:
            return report.quality, "quality"
        if report.thumbs is not None:
            return THUMBS[report.thumbs], "thumbs"
        assert report.metric is not None  # check_feedback ensures that one of the three is present
        metric = self._metrics.get(report.metric.name)
        if metric is None:
            known = ", ".join(self._metrics) or "none"
            raise ProblemError(
                422, f"no [[metric]] {report.metric.name[:80]!r} is configured; configured are: {known}", "metric.name"
            )
        return metric.quality(report.metric.value), f"metric:{metric.name}"

    async def _decision_id(self, response_id: str) -> str:
        try:
            found = await self._responses.find(response_id)
        except AmbiguousResponse as error:
            raise ProblemError(
                409, "several recent answers have this id; send the decision_id instead", "response_id"
            ) from error
        if found is None:
            raise ProblemError(
                404, "no such response among the recent ones; a decision_id is accepted for longer", "response_id"
            )
        return found

    async def _append(self, bus: Bus, feedback: Feedback) -> None:
        subject = subjects.feedback(feedback.outcome.tier)
        with tracing.sending("append", subject, {"pointsman.decision_id": feedback.outcome.decision_id}) as headers:
            await bus.append(subject, encode(feedback), self._timeout_s, headers)

    async def _append_outcome(self, bus: Bus, feedback: Feedback) -> Outcome | None:
        """Append the outcome of a tier that does not wait for feedback; return the one that the log already had."""
        now_ms = int(time.time() * 1000)
        outcome = msgspec.structs.replace(
            feedback.outcome,
            quality=feedback.quality,
            feedback=FeedbackRecord(quality=feedback.quality, source=feedback.source, at_ms=now_ms),
        )
        stored = await append_outcome(bus, outcome, self._timeout_s)
        return await read_outcome(bus, stored.sequence, self._timeout_s) if stored.duplicate else None


def _too_late(applied: Outcome) -> ProblemError:
    at = datetime.fromtimestamp(applied.accepted_at_ms / 1000.0, UTC).isoformat(timespec="milliseconds")
    quality = "unknown quality" if applied.quality is None else f"quality {applied.quality:g}"
    return ProblemError(
        409,
        f"the outcome of this decision was counted with {quality} at {at}; this feedback is recorded and changes "
        "nothing",
    )
