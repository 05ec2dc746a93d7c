"""What users say of an answer afterwards, and what was measured of it and waits for that."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pointsman.contracts.messages.codec import Message, decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.outcome import Outcome

THUMBS = {"up": 100.0, "down": 0.0}
"""The quality that a thumb stands for."""

MAX_RESPONSE_ID = 256


class MetricValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of a metric that the configuration names."""

    name: str
    value: float


class FeedbackReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/feedback``: about which answer, by one of the two ids, and one of three ways to say how good.

    Attributes
    ----------
    decision_id : str, optional
        As the header ``x-pointsman-decision-id`` told it, or the answer of ``POST /v1/decisions``.
    response_id : str, optional
        The ``id`` of the answer; known for as long as the answer waits for feedback, and as long again.
    quality : float, optional
        0 to 100.
    thumbs : {"up", "down"}, optional
        Quality 100 or 0.
    metric : MetricValue, optional
        A number, scaled as ``[[metric]]`` says.
    """

    decision_id: str | None = None
    response_id: str | None = None
    quality: float | None = None
    thumbs: Literal["up", "down"] | None = None
    metric: MetricValue | None = None


class FeedbackAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/feedback``.

    Attributes
    ----------
    quality : float
        What it was taken for, 0 to 100.
    """

    decision_id: str
    quality: float
    status: str = "accepted"


class Measured(Message, frozen=True, kw_only=True, tag_field="kind", tag="measured"):
    """In the stream ``feedback.<tier>``: an outcome to be, which counts when it has waited.

    Attributes
    ----------
    outcome : Outcome
        As it counts if nobody says anything.
    wait_ms : int
        How long it waits, from the log's acceptance on: the tier's ``reward_wait_s`` of that moment.
    """

    outcome: Outcome
    wait_ms: int


class Feedback(Message, frozen=True, kw_only=True, tag_field="kind", tag="feedback"):
    """In the stream ``feedback.<tier>``: what somebody says of an answer.

    Attributes
    ----------
    outcome : Outcome
        The decision with everything that learning from it needs, and nothing measured: what counts if nothing was.
    quality : float
        0 to 100.
    source : str
        ``quality``, ``thumbs`` or ``metric:<name>``.
    wait_ms : int
        How long it waits if it is the first that is heard of its decision.
    late : bool
        The decision's outcome had counted already: kept for the record, and not looked at.
    """

    outcome: Outcome
    quality: float
    source: str = "quality"
    wait_ms: int = 0
    late: bool = False


def check_feedback(report: FeedbackReport) -> None:
    """Raise `InvalidMessage` unless a report names one answer and says one thing of it."""
    if (report.decision_id is None) == (report.response_id is None):
        field = "decision_id" if report.decision_id is None else "response_id"
        raise InvalidMessage(field, "expected one of decision_id and response_id")
    if report.response_id is not None and not 0 < len(report.response_id) <= MAX_RESPONSE_ID:
        raise InvalidMessage("response_id", f"expected 1 to {MAX_RESPONSE_ID} characters")
    told = [name for name in ("quality", "thumbs", "metric") if getattr(report, name) is not None]
    if len(told) != 1:
        raise InvalidMessage(told[1] if told else "quality", "expected one of quality, thumbs and metric")
    if report.quality is not None and not 0.0 <= report.quality <= 100.0:
        raise InvalidMessage("quality", f"expected 0 to 100, got {report.quality:g}")


def decode_waiting(data: bytes, tier: str) -> Measured | Feedback:
    """Decode a message of the stream, and check what must hold whoever wrote it.

    Raises
    ------
    MessageError
    """
    message: Measured | Feedback = decode(waiting_decoder, data)
    if message.outcome.tier != tier:
        raise InvalidMessage("outcome.tier", f"{message.outcome.tier[:80]!r} in the log of {tier!r}")
    if message.wait_ms < 0:
        raise InvalidMessage("wait_ms", f"expected at least 0, got {message.wait_ms}")
    if isinstance(message, Feedback) and not 0.0 <= message.quality <= 100.0:
        raise InvalidMessage("quality", f"expected 0 to 100, got {message.quality:g}")
    return message


feedback_report_decoder = msgspec.json.Decoder(FeedbackReport)
waiting_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Measured | Feedback)
