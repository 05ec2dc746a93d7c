from __future__ import annotations

import pytest

from pointsman.shadow.report.drift import DayValue, by_day, chi_squared_tail, drift, homogeneity, stretches
from pointsman.shadow.sums.hour_sums import HourSums
from tests.unit.shadow.report.synthetic_log import HOUR, Log

FIRST = HOUR // 24 * 24


@pytest.mark.parametrize(
    ("q", "degrees", "tail"),
    # The 1 % and 5 % points of every table of the distribution.
    [(6.635, 1, 0.01), (3.841, 1, 0.05), (9.210, 2, 0.01), (11.345, 3, 0.01), (18.475, 7, 0.01), (124.342, 100, 0.05)],
)
def test_the_tail_is_that_of_the_tables(q: float, degrees: int, tail: float) -> None:
    assert chi_squared_tail(q, degrees) == pytest.approx(tail, rel=2e-3)


def test_days_of_one_mean_are_called_different_as_often_as_documented() -> None:
    """Seeded. A count above 8 of a binomial(300, 0.01) has a probability of 0.004."""
    log = Log(q=(0.4, 0.4, 0.2), rewarded=0.5)
    found = sum(drift(log.hours(300, 1, FIRST) + shifted(log), 0.95).changed for _ in range(300))
    assert found <= 8


def shifted(log: Log) -> list[tuple[int, HourSums]]:
    """An hour of each of the six days that follow."""
    return [(FIRST + 24 * at, log.hours(300)[0][1]) for at in range(1, 7)]


def test_a_day_that_is_worse_is_found_and_named() -> None:
    log = Log()
    hours = log.hours(6000, 48, FIRST)
    log.rewards = (0.6, 0.4, 0.4)
    found = drift([*hours, *log.hours(3000, 24, FIRST + 48)], 0.95)
    assert found.changed
    assert [day.day for day in found.days] == ["2026-05-10", "2026-05-11", "2026-05-12"]
    assert "reward difference +" in found.text and "from 2026-05-12" in found.text and "−" in found.text
    assert [day.rewarded for day in found.days] == [3000, 3000, 3000]


def test_agreement_that_changes_is_found() -> None:
    log = Log(rewards=(0.5, 0.5, 0.5))
    hours = log.hours(2000, 24, FIRST)
    log.q = (0.8, 0.1, 0.1)
    found = drift([*hours, *log.hours(2000, 24, FIRST + 24)], 0.95)
    assert found.changed
    assert "agreement 1" in found.text and " % on 2026-05-11" in found.text


def test_one_day_is_too_early() -> None:
    found = drift(Log().hours(1000, 2, FIRST), 0.95)
    assert not found.changed
    assert found.text.startswith("Too early")
    assert drift([], 0.95).days == []


def test_days_without_variance_are_left_out() -> None:
    values = [DayValue("a", 0.0, 0.0), DayValue("b", 5.0, 1.0)]
    assert homogeneity(values) == 1.0
    assert homogeneity([*values, DayValue("c", 50.0, 1.0)]) < 1e-6


def test_days_with_little_are_taken_together_from_the_last_one_backwards() -> None:
    log = Log()
    full = log.hours(2000)[0][1]
    sparse = Log(rewarded=0.02).hours(1000)[0][1]
    days = by_day([(FIRST, sparse), (FIRST + 24, full), (FIRST + 48, sparse), (FIRST + 72, full), (FIRST + 96, sparse)])
    made = stretches(days)
    assert [first for first, _ in made] == ["2026-05-10", "2026-05-13"]
    assert sum(total.decisions for _, total in made) == sum(total.decisions for total in days.values())
    assert made[-1][1].decisions == 3000  # the last day with the one before it
    assert stretches(by_day([(FIRST, sparse)])) == []


def test_a_turn_for_the_worse_is_found_also_when_single_days_are_too_small_for_it() -> None:
    log = Log(rewarded=0.3)
    hours = log.hours(3000, 6 * 24, FIRST)
    log.rewards = (0.5, 0.3, 0.4)
    found = drift([*hours, *log.hours(1500, 3 * 24, FIRST + 6 * 24)], 0.95)
    assert found.changed
    assert found.latest.high is not None and found.latest.high < 0.0
    assert found.latest_from >= "2026-05-16"
