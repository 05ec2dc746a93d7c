"""What comes of answers that wait for feedback: which feedback counts, and that a restart anywhere changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import Feedback, PendingOutcome
from pointsman.contracts.messages.outcome import Outcome, Served
from pointsman_reward_updater.pending_feedback import Entry, PendingFeedback
from tests.support.factories import make_outcome

WAIT_MS = 100


def outcome(decision: int, **fields: Any) -> Outcome:
    return make_outcome(decision, **{"provider": "a", **fields})


def measured(decision: int, **fields: Any) -> PendingOutcome:
    rows = {"quality": 60.0, "cost_usd": 0.5, "latency_ms": 9.0, **fields}
    return PendingOutcome(outcome=outcome(decision, **rows), wait_ms=WAIT_MS)


def feedback(decision: int, quality: float, **fields: Any) -> Feedback:
    return Feedback(outcome=outcome(decision), quality=quality, wait_ms=WAIT_MS, **fields)


def settle(entries: Sequence[Entry], begin: int = 0, end: int | None = None, ahead: int | None = None) -> list[Outcome]:
    """Settle a stream as one settler does that begins after ``begin`` messages and stops after ``end``.

    ``ahead`` is how many messages it has read by then at least; it always knows what is due.
    """
    room, noted, found = PendingFeedback(), begin, []
    for entry in entries[begin:end]:
        while noted < len(entries) and (entries[noted].at_ms <= entry.due_ms or noted < (ahead or 0)):
            room.note(entries[noted])
            noted += 1
        counts = room.settle(entry)
        if counts is not None:
            found.append(counts)
    if end is None:
        assert room.held == 0
    return found


def stream(*timed: tuple[int, PendingOutcome | Feedback | None]) -> list[Entry]:
    return [Entry(sequence, at_ms, message) for sequence, (at_ms, message) in enumerate(timed, start=1)]


def test_without_feedback_what_was_measured_counts_when_it_has_waited() -> None:
    (counts,) = settle(stream((10, measured(1))))
    assert counts == outcome(1, quality=60.0, cost_usd=0.5, latency_ms=9.0, accepted_at_ms=110)


def test_the_last_feedback_within_the_wait_is_the_quality() -> None:
    entries = stream((10, measured(1)), (20, feedback(1, 0.0)), (110, feedback(1, 90.0)), (111, feedback(1, 5.0)))
    (counts,) = settle(entries)
    assert (counts.quality, counts.cost_usd, counts.latency_ms) == (90.0, 0.5, 9.0)
    assert counts.feedback is not None
    assert (counts.feedback.quality, counts.feedback.source, counts.feedback.at_ms) == (90.0, "quality", 110)


def test_feedback_that_comes_before_what_was_measured_is_joined_with_it() -> None:
    (counts,) = settle(stream((10, feedback(1, 80.0)), (50, measured(1))))
    assert (counts.quality, counts.cost_usd, counts.accepted_at_ms) == (80.0, 0.5, 110)


def test_feedback_without_a_measured_outcome_is_an_outcome_itself() -> None:
    (counts,) = settle(stream((10, feedback(1, 80.0)), (20, feedback(1, 70.0))))
    assert (counts.quality, counts.cost_usd, counts.latency_ms, counts.accepted_at_ms) == (70.0, None, None, 110)


def test_feedback_on_an_answer_that_another_arm_gave_is_noted_and_not_the_choices_quality() -> None:
    stood_in = measured(1, quality=0.0, served=Served(provider="b", model="n"))
    (counts,) = settle(stream((10, stood_in), (20, feedback(1, 100.0))))
    assert counts.quality == 0.0
    assert counts.feedback is not None
    assert counts.feedback.quality == 100.0


def test_feedback_on_the_answer_of_the_chosen_arm_is_its_quality() -> None:
    chosen = measured(1, served=Served(provider="a", model="m"))
    (counts,) = settle(stream((10, chosen), (20, feedback(1, 100.0))))
    assert counts.quality == 100.0


def test_what_is_late_or_cannot_be_read_changes_nothing() -> None:
    entries = stream(
        (10, measured(1)), (15, None), (20, feedback(1, 100.0, late=True)), (500, feedback(2, 3.0, late=True))
    )
    (counts,) = settle(entries)
    assert (counts.quality, counts.feedback) == (60.0, None)


def test_decisions_do_not_mix() -> None:
    entries = stream((10, measured(1)), (11, measured(2)), (12, feedback(2, 100.0)), (13, feedback(3, 1.0)))
    assert [(found.decision_sequence, found.quality) for found in settle(entries)] == [(1, 60.0), (2, 100.0), (3, 1.0)]


def test_it_is_full_until_a_message_is_settled() -> None:
    room = PendingFeedback(max_notes=2)
    entries = stream((10, measured(1)), (11, feedback(1, 5.0)), (12, feedback(2, 5.0)))
    for entry in entries:
        room.note(entry)
    assert (room.full, room.held) == (True, 2)
    assert room.settle(entries[0]) is not None
    assert room.settle(entries[1]) is None
    assert (room.full, room.held) == (False, 1)


def test_what_counts_early_has_what_is_known_and_the_time_of_that() -> None:
    room = PendingFeedback()
    entries = stream((10, measured(1)), (20, feedback(1, 5.0)), (30, feedback(1, 6.0)))
    for entry in entries[:2]:
        room.note(entry)
    counts = room.settle(entries[0], now_ms=25)
    assert counts is not None
    assert (counts.quality, counts.accepted_at_ms) == (5.0, 25)


def counted(outcomes: Sequence[Outcome]) -> dict[str, bytes]:
    """What the ledger makes of it: the first outcome of each decision, to the byte."""
    first: dict[str, bytes] = {}
    for found in outcomes:
        first.setdefault(found.decision_id, encode(found))
    return first


MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 90),  # milliseconds after the one before
        st.integers(1, 4),  # of which decision
        st.one_of(st.none(), st.floats(0.0, 100.0)),  # quality of the feedback; None: a measured outcome
    ),
    max_size=14,
)


def logged(rows: list[tuple[int, int, float | None]]) -> list[Entry]:
    at_ms, timed = 0, []
    for after_ms, decision, quality in rows:
        at_ms += after_ms
        message = measured(decision) if quality is None else feedback(decision, quality)
        timed.append((at_ms, message))
    return stream(*timed)


@given(MESSAGES, st.integers(0, 14), st.integers(0, 14), st.integers(0, 14))
def test_a_settler_that_dies_anywhere_and_another_that_goes_on_count_the_same(
    rows: list[tuple[int, int, float | None]], died_at: int, resumed_at: int, ahead: int
) -> None:
    entries = logged(rows)
    died_at = min(died_at, len(entries))
    resumed_at = min(resumed_at, died_at)  # the watermark may be behind what was appended, never before it
    whole = counted(settle(entries))
    broken = counted([*settle(entries, end=died_at, ahead=ahead), *settle(entries, begin=resumed_at)])
    assert broken == whole


@given(MESSAGES, st.integers(0, 14))
def test_how_far_one_reads_ahead_makes_no_difference(rows: list[tuple[int, int, float | None]], ahead: int) -> None:
    entries = logged(rows)
    assert counted(settle(entries, ahead=ahead)) == counted(settle(entries))


@pytest.mark.parametrize("quality", [None, 60.0])
def test_every_decision_counts(quality: float | None) -> None:
    entries = stream(*[(at, measured(at, quality=quality)) for at in range(1, 50)])
    assert len(settle(entries)) == 49
