from __future__ import annotations

from services.gateway.breaker import Breaker


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
