"""``POST /v1/feedback``: what somebody says of an answer, for as long as its outcome waits for that (ADR 0015)."""

from __future__ import annotations

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
from pointsman.runtime.telemetry.logs import about
from pointsman_gateway.api.joining import Joining
from pointsman_gateway.api.outcome_index import read_outcome
from pointsman_gateway.api.outcome_log import append_outcome
from pointsman_gateway.api.response_index import ResponseIndex, SeveralAnswers
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.response import HttpResponse


class FeedbackHandler:
    """Accepts feedback.

    Parameters
    ----------
    backends : Backends
    responses : ResponseIndex
    """

    def __init__(self, backends: Backends, responses: ResponseIndex) -> None:
        config = backends.config
        self._backends = backends
        self._responses = responses
        self._joining = Joining(backends)
        self._max_bytes = config.gateway.max_body_bytes
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        self._wait_ms = {tier.name: round(tier.reward_wait_s * 1000.0) for tier in config.tier}
        self._metrics = {metric.name: metric for metric in config.metric}

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        report = decode_body(feedback_report_decoder, await read_body(scope, receive, self._max_bytes))
        check_feedback(report)
        quality, source = self._quality(report)
        decision_id = report.decision_id or await self._behind(report.response_id or "")
        decision = parse_id(decision_id)
        about(decision_id)
        self._backends.require_tier(decision.tier, "decision_id")
        bus = self._backends.require_bus()
        outcome = await self._joining.outcome(bus, decision_id, decision)
        told = Feedback(outcome=outcome, quality=quality, source=source, wait_ms=self._wait_ms[decision.tier])
        counted = await self._joining.counted(bus, decision_id, decision)
        if counted is None and told.wait_ms:
            await self._append(bus, told)
        elif counted is None:
            counted = await self._count_now(bus, told)
        if counted is not None:
            await self._append(bus, msgspec.structs.replace(told, late=True))
            metrics.feedback_accepted.labels(decision.tier, "late").inc()
            raise _too_late(counted)
        metrics.feedback_accepted.labels(decision.tier, "accepted").inc()
        return HttpResponse(202, encode(FeedbackAccepted(decision_id=decision_id, quality=quality)))

    def _quality(self, report: FeedbackReport) -> tuple[float, str]:
        """Return the quality that a report stands for, and how it was told."""
        if report.quality is not None:
            return report.quality, "quality"
        if report.thumbs is not None:
            return THUMBS[report.thumbs], "thumbs"
        assert report.metric is not None  # check_feedback has seen that one of the three is there
        metric = self._metrics.get(report.metric.name)
        if metric is None:
            known = ", ".join(self._metrics) or "none"
            raise ProblemError(
                422, f"no [[metric]] {report.metric.name[:80]!r} is configured; there are: {known}", "metric.name"
            )
        return metric.quality(report.metric.value), f"metric:{metric.name}"

    async def _behind(self, response_id: str) -> str:
        try:
            found = await self._responses.find(response_id)
        except SeveralAnswers as error:
            raise ProblemError(
                409,
                "several answers have had this id of late; say the decision_id of the one that is meant",
                "response_id",
            ) from error
        if found is None:
            raise ProblemError(
                404,
                "no such response, as far back as is remembered; decision_id is known for longer",
                "response_id",
            )
        return found

    async def _append(self, bus: Bus, told: Feedback) -> None:
        subject, about = subjects.feedback(told.outcome.tier), {"pointsman.decision_id": told.outcome.decision_id}
        with tracing.sending("append", subject, about) as headers:
            await bus.append(subject, encode(told), self._timeout_s, headers)

    async def _count_now(self, bus: Bus, told: Feedback) -> Outcome | None:
        """Append the outcome of a tier that does not wait; return the one that was there before, if one was."""
        now_ms = int(time.time() * 1000)
        outcome = msgspec.structs.replace(
            told.outcome,
            quality=told.quality,
            feedback=FeedbackRecord(quality=told.quality, source=told.source, at_ms=now_ms),
        )
        stored = await append_outcome(bus, outcome, self._timeout_s)
        return await read_outcome(bus, stored.sequence, self._timeout_s) if stored.duplicate else None


def _too_late(counted: Outcome) -> ProblemError:
    at = datetime.fromtimestamp(counted.accepted_at_ms / 1000.0, UTC).isoformat(timespec="milliseconds")
    quality = "unknown quality" if counted.quality is None else f"quality {counted.quality:g}"
    return ProblemError(
        409,
        f"the outcome of this decision has counted, with {quality}, at {at}; this feedback is recorded and changes "
        "nothing",
    )
