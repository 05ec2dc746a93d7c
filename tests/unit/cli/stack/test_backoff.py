from __future__ import annotations

from pointsman.runtime.backoff import Backoff


def test_waits_twice_as_long_after_each_early_death_up_to_five_seconds() -> None:
    backoff = Backoff()

    assert [backoff.after(0.1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_starts_over_after_ten_seconds_alive() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.after(0.1)

    assert backoff.after(10.0) == 0.2
    assert backoff.after(9.9) == 0.4
