from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.config.reporting import WEEKDAYS, ReportConfig, Weekday
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.policies import MAX_SHADOWS, PolicySpec
from pointsman.runtime.bus.streams import MAX_MESSAGE_BYTES
from pointsman.shadow.report.messages import ArmShare, Pair, Report, Window
from pointsman.shadow.report.policy import policy_report
from pointsman_shadow_evaluator.tasks.report_schedule import MAX_ENTRIES, Period, alert_detail, latest_period
from tests.unit.shadow.report.synthetic_log import HOUR, Log

WEEKLY = ReportConfig(every="week", weekday="monday", hour=6)
times = st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


def at_ms(year: int, month: int, day: int, hour: int) -> int:
    return round(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (datetime(2026, 11, 23, 6, 0, tzinfo=UTC), "2026-11-23T06:00Z"),
        (datetime(2026, 11, 23, 5, 59, 59, tzinfo=UTC), "2026-11-16T06:00Z"),
        (datetime(2026, 11, 29, 23, 0, tzinfo=UTC), "2026-11-23T06:00Z"),
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), "2026-12-28T06:00Z"),
    ],
)
def test_a_week_ends_on_its_weekday_at_its_hour(now: datetime, name: str) -> None:
    period = latest_period(WEEKLY, now)
    assert period is not None
    assert period.name == name


def test_a_period_is_the_week_or_the_day_before() -> None:
    now = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
    week, day = latest_period(WEEKLY, now), latest_period(ReportConfig(every="day", hour=7), now)
    assert week is not None and day is not None
    assert (week.from_ms, week.to_ms) == (at_ms(2026, 11, 16, 6), at_ms(2026, 11, 23, 6))
    assert (day.from_ms, day.to_ms) == (at_ms(2026, 11, 24, 7), at_ms(2026, 11, 25, 7))


def test_nothing_is_scheduled_where_it_is_off() -> None:
    assert latest_period(ReportConfig(every="off"), datetime(2026, 11, 25, tzinfo=UTC)) is None


@given(now=times, weekday=st.sampled_from(WEEKDAYS), hour=st.integers(0, 23), every=st.sampled_from(["week", "day"]))
def test_the_last_period_has_ended_and_the_next_has_not(now: datetime, weekday: Weekday, hour: int, every: Any) -> None:
    settings = ReportConfig(every=every, weekday=weekday, hour=hour)
    period = latest_period(settings, now)
    assert period is not None
    end = datetime.fromtimestamp(period.to_ms / 1000, UTC)
    length = timedelta(days=7 if every == "week" else 1)
    assert end <= now < end + length
    assert end.hour == hour
    assert every == "day" or WEEKDAYS[end.weekday()] == weekday


@given(times, times)
def test_later_periods_have_names_that_sort_later(one: datetime, other: datetime) -> None:
    first, second = (latest_period(WEEKLY, at) for at in sorted((one, other)))
    assert first is not None and second is not None
    assert (first.name <= second.name) and ((first.name == second.name) == (first.to_ms == second.to_ms))


def test_the_largest_tier_s_report_fits_into_a_message() -> None:
    """One that does not fit would be made again every half minute, and never come."""
    arms = [f"provider:a-model-with-a-long-name-of-2026-{at}" for at in range(256)]
    spec = PolicySpec(name="bold", algorithm="uniform")
    days = [day for at in range(8) for day in Log().hours(1000, first=HOUR + 24 * at)]
    row = policy_report("S", spec, "linucb", days, {}, 0.95)
    shares = [ArmShare(arm=arm, served=1234, rewarded=1000, share=0.81234567890123) for arm in arms]
    pairs = [Pair(active=arm, shadow=other, count=3) for arm in arms[:40] for other in arms[:40]]
    bias = msgspec.structs.replace(row.rewarded_bias, arms=shares)
    rows = [msgspec.structs.replace(row, pairs=pairs, rewarded_bias=bias)] * MAX_SHADOWS
    detail = alert_detail(Report(window=Window(from_ms=0, to_ms=1), policies=rows), Period("now", 0, 1))
    assert len(encode(detail)) < MAX_MESSAGE_BYTES / 2
    assert [len(policy["pairs"]) for policy in detail["policies"]] == [MAX_ENTRIES] * MAX_SHADOWS
