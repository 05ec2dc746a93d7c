"""Outcomes of answers that wait for feedback: a pure function of the stream, independent of when it is computed.

The first message about a decision opens its group: a measured outcome, or feedback on an answer that was not measured.
The group is complete when its first message has waited for its wait time, by the log's clock. Its outcome is the
measured one with the last feedback that the log accepted until then. Later messages about the decision change nothing.

The stream is read with two cursors. The cursor ahead is at the end of the stream and notes feedback, and measured
outcomes that follow feedback. The cursor behind is at the first message that is not due. So the memory depends on the
feedback that waits, not on the number of answers that wait.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from pointsman.contracts.messages.feedback import Feedback, PendingOutcome
from pointsman.contracts.messages.outcome import FeedbackRecord, Outcome

MAX_NOTES = 500_000
"""Messages of a tier that are held in memory at most; above it, the oldest answers are settled early."""


class Entry(NamedTuple):
    """A message of the stream and its place in it.

    ``message``: None when it cannot be read.
    ``problem``: why it cannot be read.
    ``traceparent``: trace context of the span that appended it.
    """

    sequence: int
    at_ms: int
    message: PendingOutcome | Feedback | None
    problem: str = ""
    traceparent: str | None = None

    @property
    def due_ms(self) -> int:
        """Time at which its wait is over, by the log's clock (Unix milliseconds)."""
        return self.at_ms + (self.message.wait_ms if self.message is not None else 0)


@dataclass(slots=True)
class _Notes:
    """What the cursor ahead has read about a decision.

    ``feedback``: in the log's order.
    ``measured``: the first measured outcome that came after feedback.
    ``pending``: sequences that the cursor behind has not reached.
    ``settled``: whether the group is complete and has its outcome.
    """

    feedback: list[FeedbackRecord] = field(default_factory=list)
    measured: tuple[Outcome, int] | None = None
    pending: set[int] = field(default_factory=set)
    settled: bool = False


class PendingFeedback:
    """The notes between the two cursors.

    ``max_notes``: number of noted messages from which on it is `full`.
    """

    def __init__(self, max_notes: int = MAX_NOTES) -> None:
        self._max_notes = max_notes
        self._notes: dict[str, _Notes] = {}
        self.held = 0
        """Number of messages in memory."""

    @property
    def full(self) -> bool:
        """Whether no more messages can be noted until some are settled."""
        return self.held >= self._max_notes

    def note(self, entry: Entry) -> None:
        """Note a message that the cursor ahead has reached; call it once for each message, in order."""
        message = entry.message
        if message is None:
            return
        decision_id = message.outcome.decision_id
        if isinstance(message, Feedback):
            if message.late:
                return
            notes = self._notes.setdefault(decision_id, _Notes())
            notes.feedback.append(FeedbackRecord(quality=message.quality, source=message.source, at_ms=entry.at_ms))
        else:
            found = self._notes.get(decision_id)
            if found is None:
                return  # the usual case: the cursor behind reads it when it is due
            notes = found
            if notes.measured is None:
                notes.measured = message.outcome, entry.at_ms
        notes.pending.add(entry.sequence)
        self.held += 1

    def settle(self, entry: Entry, now_ms: int | None = None) -> Outcome | None:
        """Return the outcome of the message at the cursor behind; None when it has none of its own.

        Call it for each message in order, when the message is due and everything that the log accepted until then is
        noted. A call before that uses what is noted so far.

        ``now_ms``: the log's time until which everything is noted, if that may be before the message is due.
        """
        message = entry.message
        if message is None or (isinstance(message, Feedback) and message.late):
            return None
        at_ms = entry.due_ms if now_ms is None else min(entry.due_ms, max(now_ms, entry.at_ms))
        decision_id = message.outcome.decision_id
        notes = self._notes.get(decision_id)
        outcome: Outcome | None = None
        if notes is None:
            outcome = _with_feedback(message.outcome, None, at_ms)
        elif not notes.settled:
            outcome = _merge(message, notes, entry.due_ms, at_ms)
            notes.settled = True
        if notes is not None and entry.sequence in notes.pending:
            notes.pending.remove(entry.sequence)
            self.held -= 1
        if notes is not None and not notes.pending:
            del self._notes[decision_id]
        return outcome


def _merge(opening: PendingOutcome | Feedback, notes: _Notes, due_ms: int, at_ms: int) -> Outcome:
    outcome = opening.outcome
    if isinstance(opening, Feedback) and notes.measured is not None and notes.measured[1] <= due_ms:
        outcome = notes.measured[0]
    feedback = next((record for record in reversed(notes.feedback) if record.at_ms <= due_ms), None)
    return _with_feedback(outcome, feedback, at_ms)


def _with_feedback(outcome: Outcome, feedback: FeedbackRecord | None, at_ms: int) -> Outcome:
    """Return the outcome as it is appended to the log.

    Feedback is about the answer. Where another arm answered than the chosen one, the feedback is no evidence about the
    choice (ADR 0014): it is recorded, and the quality is kept.
    """
    if feedback is None:
        return msgspec.structs.replace(outcome, accepted_at_ms=at_ms)
    served = outcome.served
    another_arm = served is not None and (served.provider, served.model) != (outcome.provider, outcome.model)
    quality = outcome.quality if another_arm else feedback.quality
    return msgspec.structs.replace(outcome, accepted_at_ms=at_ms, quality=quality, feedback=feedback)
