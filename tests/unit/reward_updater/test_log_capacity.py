"""How much of a log's room is taken by what must not go."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import StreamInfo
from pointsman.runtime.bus.jetstream import StreamState
from pointsman_reward_updater.log_capacity import needed_share


def info(first: int, last: int) -> StreamInfo:
    return StreamInfo(state=StreamState(messages=last - first + 1, first_seq=first, last_seq=last))


@pytest.mark.parametrize("stream", [subjects.DECISIONS, subjects.OUTCOMES])
def test_all_of_the_two_logs_must_stay(stream: str) -> None:
    assert needed_share(stream, info(1, 10), None) == 1.0


@pytest.mark.parametrize(("oldest", "share"), [(None, 0.0), (101, 1.0), (151, 0.5), (200, 0.01), (50, 1.0)])
def test_of_feedback_only_what_waits(oldest: int | None, share: float) -> None:
    assert needed_share(subjects.FEEDBACK, info(101, 200), oldest) == pytest.approx(share)


def test_of_an_empty_stream_nothing() -> None:
    assert needed_share(subjects.FEEDBACK, StreamInfo(), 5) == 0.0
