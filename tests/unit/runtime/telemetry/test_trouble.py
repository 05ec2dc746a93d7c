"""Trouble that lasts is said once and again each minute, however often it is tried."""

from __future__ import annotations

import logging

import pytest

from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.trouble import AGAIN_S, CALM_S, MAX_KINDS, Trouble


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trouble(clock: Clock, caplog: pytest.LogCaptureFixture) -> Trouble:
    caplog.set_level(logging.INFO, "pointsman.test")
    return Trouble(logger("test"), "tier SIMPLE", "trying again", clock)


def test_what_lasts_is_said_when_it_begins_and_each_minute(
    trouble: Trouble, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(300):  # two and a half minutes
        trouble.tell("the store is gone")
        trouble.over()  # it tries, and gets as far as that
        clock.now_s += 0.5
    assert caplog.messages == ["tier SIMPLE: the store is gone; trying again"] * 3


def test_another_problem_is_said_at_once(trouble: Trouble, caplog: pytest.LogCaptureFixture) -> None:
    for problem in ("refused", "loading", "refused", "loading"):
        trouble.tell(problem)
    assert len(caplog.messages) == 2


def test_its_end_is_said_once_when_it_has_been_calm(
    trouble: Trouble, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    trouble.over()
    trouble.tell("refused")
    clock.now_s += 12.0
    trouble.tell("refused")
    clock.now_s += CALM_S - 0.1
    trouble.over()
    assert len(caplog.messages) == 1
    clock.now_s += 0.1
    for _ in range(3):
        trouble.over()
    assert caplog.messages[1:] == ["tier SIMPLE: well again, after 12.0 s of trouble"]
    trouble.tell("refused")
    assert len(caplog.messages) == 3  # new trouble, so it is said at once


def test_texts_that_are_never_the_same_take_no_more_and_more_room(trouble: Trouble) -> None:
    for number in range(10 * MAX_KINDS):
        trouble.tell(f"message {number}")
    assert len(trouble._said) == MAX_KINDS
    assert AGAIN_S > CALM_S
