from __future__ import annotations

from pointsman.runtime.telemetry.recent import OVER_S, RecentCounts


def test_what_is_counted_lately_is_the_difference_to_a_minute_ago() -> None:
    recent = RecentCounts(0.0, {"a": (5.0,)})
    for at in range(1, 13):
        recent.take(10.0 * at, {"a": (5.0 + at,)})
    lately = recent.since(124.0, {"a": (20.0,)})
    assert lately.over_s == 64.0  # since the newest reading that is at least a minute old
    assert lately.counts == {"a": (20.0 - 11.0,)}
    assert lately.total("a") == 9.0
    assert lately.total("b") == 0.0


def test_before_a_minute_has_passed_it_is_since_the_beginning() -> None:
    recent = RecentCounts(100.0, {"a": (5.0,)})
    recent.take(110.0, {"a": (6.0,)})
    assert recent.since(115.0, {"a": (9.0,)}) == (15.0, {"a": (4.0,)})


def test_a_counter_that_appears_has_counted_from_nothing_and_none_runs_backwards() -> None:
    recent = RecentCounts(0.0, {"a": (), "b": (3.0, 3.0)})
    assert recent.since(1.0, {"a": (1.0, 2.0), "b": (2.0, 4.0)}).counts == {"a": (1.0, 2.0), "b": (0.0, 1.0)}


def test_only_what_is_needed_is_remembered() -> None:
    recent = RecentCounts(0.0, {})
    for at in range(1000):
        recent.take(10.0 * at, {"a": (float(at),)})
    assert len(recent._readings) <= OVER_S / 10.0 + 2
