"""Feedback on answers, and the outcomes that wait for it."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from pointsman.contracts.messages.codec import Message, check_version, decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.outcome import Outcome
from pointsman.core.bounds import NonNegativeInt, Points

THUMBS = {"up": 100.0, "down": 0.0}
"""The quality that a thumb stands for."""

MAX_RESPONSE_ID = 256


class MetricValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of a metric that the configuration defines."""

    name: str
    value: float


class FeedbackReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/feedback``: one of the two ids, and one of the three ways to rate the answer.

    Attributes
    ----------
    decision_id: From the header ``x-pointsman-decision-id`` or the answer of ``POST /v1/decisions``.
    response_id: The ``id`` of the answer. It is known for as long as the answer waits for feedback, and as long again.
    quality: 0 to 100.
    thumbs: Quality 100 or 0.
    metric: A number, converted to quality as ``[[metric]]`` configures.
    """

    decision_id: str | None = None
    response_id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_RESPONSE_ID)] | None = None
    quality: Points | None = None
    thumbs: Literal["up", "down"] | None = None
    metric: MetricValue | None = None


class FeedbackAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/feedback``.

    Attributes
    ----------
    quality: The quality that was recorded, 0 to 100.
    """

    decision_id: str
    quality: float
    status: str = "accepted"


class PendingOutcome(Message, frozen=True, kw_only=True, tag_field="kind", tag="measured"):
    """In the stream ``feedback.<tier>``: an outcome that is published when it has waited for feedback.

    Attributes
    ----------
    outcome: The outcome without feedback.
    wait_ms: How long it waits after the log accepted it: the tier's ``reward_wait_s`` at that time.
    """

    version: ClassVar[int] = Outcome.version

    outcome: Outcome
    wait_ms: NonNegativeInt


class Feedback(Message, frozen=True, kw_only=True, tag_field="kind", tag="feedback"):
    """In the stream ``feedback.<tier>``: feedback on an answer.

    Attributes
    ----------
    outcome: The decision with everything that learning needs, without measured values; used if there is no
        `PendingOutcome`.
    quality: 0 to 100.
    source: ``quality``, ``thumbs`` or ``metric:<name>``.
    wait_ms: How long it waits if it is the first message about its decision.
    late: The decision's outcome was published before: the feedback is kept in the log and has no effect.
    """

    version: ClassVar[int] = Outcome.version

    outcome: Outcome
    quality: Points
    source: str = "quality"
    wait_ms: NonNegativeInt = 0
    late: bool = False


def check_feedback(report: FeedbackReport) -> None:
    """Raise `InvalidMessage` unless a report has exactly one id and exactly one rating."""
    if (report.decision_id is None) == (report.response_id is None):
        field = "decision_id" if report.decision_id is None else "response_id"
        raise InvalidMessage(field, "expected one of decision_id and response_id")
    ratings = [name for name in ("quality", "thumbs", "metric") if getattr(report, name) is not None]
    if len(ratings) != 1:
        raise InvalidMessage(ratings[1] if ratings else "quality", "expected one of quality, thumbs and metric")


def decode_pending(data: bytes, tier: str) -> PendingOutcome | Feedback:
    """Decode a message of the stream ``feedback.<tier>``.

    Raises
    ------
    MessageError
        When it cannot be decoded, or belongs to another tier.
    """
    message: PendingOutcome | Feedback = decode(pending_decoder, data)
    check_version(message.outcome.v, Outcome)
    if message.outcome.tier != tier:
        raise InvalidMessage("outcome.tier", f"{message.outcome.tier[:80]!r} in the log of {tier!r}")
    return message


feedback_report_decoder = msgspec.json.Decoder(FeedbackReport)
pending_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(PendingOutcome | Feedback)
