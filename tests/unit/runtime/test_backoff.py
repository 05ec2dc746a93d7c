"""Delays between attempts."""

from __future__ import annotations

from pointsman.runtime.backoff import RestartBackoff, backoff_s


def test_delay_doubles_with_each_attempt_up_to_the_maximum() -> None:
    assert [backoff_s(attempt, 0.25, 4.0) for attempt in range(1, 7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]
    assert backoff_s(100_000, 0.25, 4.0) == 4.0


def test_restart_waits_twice_as_long_after_each_short_run_up_to_five_seconds() -> None:
    backoff = RestartBackoff()
    assert [backoff.after(0.1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_restart_delay_begins_again_after_a_stable_run() -> None:
    backoff = RestartBackoff()
    for _ in range(4):
        backoff.after(0.1)
    assert backoff.after(10.0) == 0.2
    assert backoff.after(9.9) == 0.4
