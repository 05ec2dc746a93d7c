"""Which outcome comes of what waits for feedback: a pure function of the stream, whoever computes it, however often.

The first message about a decision opens its group: what was measured, or feedback on what nobody measured. The group is
complete when the first message has waited as long as it says, by the log's time. What counts is what was measured, with
the last feedback that the log accepted until then. Whatever comes later about the decision changes nothing.

The stream is read with two cursors. The one ahead is at the end of the stream and takes notes: of feedback, and of what
is measured where feedback had come before. The one behind is at the first message that has not waited long enough.
So memory goes by the feedback that waits, not by the answers that do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from pointsman.contracts.messages.feedback import Feedback, Measured
from pointsman.contracts.messages.outcome import FeedbackRecord, Outcome

MAX_NOTES = 500_000
"""Most messages of a tier that are kept in mind; then the oldest answers count before their time."""


class Entry(NamedTuple):
    """A message of the stream and where it is in it.

    Attributes
    ----------
    message : Measured, Feedback or None
        None when it cannot be read.
    problem : str
        Why not.
    traceparent : str or None
        The span that it was appended in, when there are traces.
    """

    sequence: int
    at_ms: int
    message: Measured | Feedback | None
    problem: str = ""
    traceparent: str | None = None

    @property
    def due_ms(self) -> int:
        """When it has waited long enough, by the log's time."""
        return self.at_ms + (self.message.wait_ms if self.message is not None else 0)


@dataclass(slots=True)
class _Notes:
    """What the cursor ahead has seen of a decision.

    Attributes
    ----------
    told : list of FeedbackRecord
        In the log's order.
    measured : (outcome, at_ms) or None
        Of the first that came after feedback.
    pending : set of int
        Sequences that the cursor behind has not come to yet.
    counted : bool
        The group is complete and has its outcome.
    """

    told: list[FeedbackRecord] = field(default_factory=list)
    measured: tuple[Outcome, int] | None = None
    pending: set[int] = field(default_factory=set)
    counted: bool = False


class WaitingRoom:
    """The notes between the two cursors.

    Parameters
    ----------
    max_notes : int
        From so many on, `full`.
    """

    def __init__(self, max_notes: int = MAX_NOTES) -> None:
        self._max_notes = max_notes
        self._notes: dict[str, _Notes] = {}
        self.held = 0
        """Messages that are kept in mind."""

    @property
    def full(self) -> bool:
        """Tell whether no more can be kept in mind until something has counted."""
        return self.held >= self._max_notes

    def note(self, entry: Entry) -> None:
        """Take notes of a message that the cursor ahead has come to; each message once, in order."""
        message = entry.message
        if message is None:
            return
        decision_id = message.outcome.decision_id
        if isinstance(message, Feedback):
            if message.late:
                return
            notes = self._notes.setdefault(decision_id, _Notes())
            notes.told.append(FeedbackRecord(quality=message.quality, source=message.source, at_ms=entry.at_ms))
        else:
            found = self._notes.get(decision_id)
            if found is None:
                return  # the usual case: the cursor behind will read it when it is due
            notes = found
            if notes.measured is None:
                notes.measured = message.outcome, entry.at_ms
        notes.pending.add(entry.sequence)
        self.held += 1

    def settle(self, entry: Entry, now_ms: int | None = None) -> Outcome | None:
        """Return the outcome that the message at the cursor behind leads to; None when it leads to none.

        To be called for each message in order, when it is due and all that the log accepted until then is noted. Called
        before, it goes by what is noted so far.

        Parameters
        ----------
        entry : Entry
        now_ms : int, optional
            The log's time until which everything is noted, where that may be before the message is due.
        """
        message = entry.message
        if message is None or (isinstance(message, Feedback) and message.late):
            return None
        at_ms = entry.due_ms if now_ms is None else min(entry.due_ms, max(now_ms, entry.at_ms))
        decision_id = message.outcome.decision_id
        notes = self._notes.get(decision_id)
        outcome: Outcome | None = None
        if notes is None:
            outcome = _counting(message.outcome, None, at_ms)
        elif not notes.counted:
            outcome = _merge(message, notes, entry.due_ms, at_ms)
            notes.counted = True
        if notes is not None and entry.sequence in notes.pending:
            notes.pending.remove(entry.sequence)
            self.held -= 1
        if notes is not None and not notes.pending:
            del self._notes[decision_id]
        return outcome


def _merge(opening: Measured | Feedback, notes: _Notes, due_ms: int, at_ms: int) -> Outcome:
    outcome = opening.outcome
    if isinstance(opening, Feedback) and notes.measured is not None and notes.measured[1] <= due_ms:
        outcome = notes.measured[0]
    told = next((told for told in reversed(notes.told) if told.at_ms <= due_ms), None)
    return _counting(outcome, told, at_ms)


def _counting(outcome: Outcome, told: FeedbackRecord | None, at_ms: int) -> Outcome:
    """Return the outcome as it goes into the log.

    Feedback is about the answer. Where another arm had answered than the one that was chosen, it says nothing of the
    choice (ADR 0014): it is noted, and the quality stays.
    """
    if told is None:
        return msgspec.structs.replace(outcome, accepted_at_ms=at_ms)
    served = outcome.served
    stood_in = served is not None and (served.provider, served.model) != (outcome.provider, outcome.model)
    quality = outcome.quality if stood_in else told.quality
    return msgspec.structs.replace(outcome, accepted_at_ms=at_ms, quality=quality, feedback=told)
