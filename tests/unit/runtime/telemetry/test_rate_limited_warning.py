"""A lasting failure is logged at intervals, however often the work is retried."""

from __future__ import annotations

import logging

import pytest

from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.rate_limited_warning import (
    LOG_REPEAT_INTERVAL_S,
    MAX_TEXTS,
    RECOVERY_DELAY_S,
    RateLimitedWarning,
)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def warning(clock: Clock, caplog: pytest.LogCaptureFixture) -> RateLimitedWarning:
    caplog.set_level(logging.INFO, "pointsman.test")
    return RateLimitedWarning(logger("test"), "tier SIMPLE", "retrying", clock)


def test_lasting_failure_is_logged_when_it_begins_and_once_a_minute(
    warning: RateLimitedWarning, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(300):  # two and a half minutes
        warning.failed("the store is unavailable")
        warning.recovered()  # part of the work succeeds at each retry
        clock.now_s += 0.5
    assert caplog.messages == ["tier SIMPLE: the store is unavailable; retrying"] * 3


def test_another_failure_is_logged_at_once(warning: RateLimitedWarning, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("refused", "loading", "refused", "loading"):
        warning.failed(text)
    assert len(caplog.messages) == 2


def test_recovery_is_logged_once_after_a_time_without_failures(
    warning: RateLimitedWarning, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    warning.recovered()
    warning.failed("refused")
    clock.now_s += 12.0
    warning.failed("refused")
    clock.now_s += RECOVERY_DELAY_S - 0.1
    warning.recovered()
    assert len(caplog.messages) == 1
    clock.now_s += 0.1
    for _ in range(3):
        warning.recovered()
    assert caplog.messages[1:] == ["tier SIMPLE: recovered after 12.0 s of failures"]
    warning.failed("refused")
    assert len(caplog.messages) == 3  # a new failure is logged at once


def test_number_of_remembered_texts_is_bounded(warning: RateLimitedWarning) -> None:
    for number in range(10 * MAX_TEXTS):
        warning.failed(f"message {number}")
    assert len(warning._logged_at) == MAX_TEXTS
    assert LOG_REPEAT_INTERVAL_S > RECOVERY_DELAY_S
