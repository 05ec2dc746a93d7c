from __future__ import annotations

from pointsman.runtime.breaker import Breaker


def test_closed_lets_everything_through() -> None:
    breaker = Breaker(0.25)
    assert all(breaker.admits(now, 0.2) for now in (0.0, 0.0, 0.1))


def test_a_failure_opens_it_for_the_pause_and_then_lets_one_probe_through() -> None:
    breaker = Breaker(0.25)
    breaker.failed(sent_at_s=0.0, now_s=0.2)
    assert not breaker.admits(0.44, 0.2)
    assert breaker.admits(0.46, 0.2)
    assert not breaker.admits(0.47, 0.2)


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = Breaker(0.25)
    breaker.failed(0.0, 0.2)
    assert breaker.admits(0.5, 0.2)
    breaker.succeeded(0.51)
    assert all(breaker.admits(0.52, 0.2) for _ in range(3))


def test_a_probe_that_fails_begins_the_next_pause() -> None:
    breaker = Breaker(0.25)
    breaker.failed(0.0, 0.2)
    assert breaker.admits(0.5, 0.2)
    breaker.failed(0.5, 0.7)
    assert not breaker.admits(0.9, 0.2)
    assert breaker.admits(0.96, 0.2)


def test_a_probe_never_heard_of_again_does_not_keep_it_open() -> None:
    breaker = Breaker(0.25)
    breaker.failed(0.0, 0.2)
    assert breaker.admits(0.5, 0.2)
    assert breaker.admits(0.71, 0.2)


def test_one_lost_answer_among_good_ones_does_not_open_it() -> None:
    breaker = Breaker(0.25)
    breaker.succeeded(0.1)
    breaker.failed(sent_at_s=0.05, now_s=0.25)
    assert breaker.admits(0.26, 0.2)


def test_it_may_take_several_failures_without_a_success_between_them() -> None:
    breaker = Breaker(0.25, failures=3)
    breaker.failed(0.0, 0.1)
    breaker.failed(0.0, 0.1)
    breaker.succeeded(0.15)
    breaker.failed(0.2, 0.3)
    breaker.failed(0.2, 0.3)
    assert breaker.admits(0.31, 0.2)
    breaker.failed(0.31, 0.4)
    assert not breaker.admits(0.41, 0.2)
    assert breaker.admits(0.66, 0.2)
    breaker.failed(0.66, 0.7)
    assert not breaker.admits(0.71, 0.2)


def test_asking_whether_it_would_admit_takes_no_probe() -> None:
    breaker = Breaker(0.25)
    breaker.failed(0.0, 0.2)
    assert not breaker.would_admit(0.3)
    assert all(breaker.would_admit(0.5) for _ in range(3))
    assert breaker.admits(0.5, 0.2)
    assert not breaker.would_admit(0.5)


def test_abandoned_probe_makes_room_for_the_next() -> None:
    breaker = Breaker(0.25)
    breaker.failed(0.0, 0.2)
    assert breaker.admits(0.5, 60.0)
    breaker.abandoned()
    assert breaker.admits(0.51, 60.0)
