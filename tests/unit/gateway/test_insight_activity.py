"""Activity points and totals from sums, and their time windows."""

from __future__ import annotations

import pytest

from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman_gateway.console.activity import WINDOWS, activity_point, activity_totals

SUMS = HourSums(
    counts={
        "decisions": 5.0,
        "explored": 2.0,
        "pinned": 1.0,
        "served\tp:a": 3.0,
        "served\tq:b/1": 2.0,
        "joined\tp:a": 2.0,
        "earned\tp:a": 1.5,
        "priced\tp:a": 1.0,
        "paid\tp:a": 0.25,
    }
)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("late_ms", [0, 1, 59_999, 60_000, 299_999, HOUR_MS - 1])
def test_window_has_whole_steps_up_to_now(window: str, late_ms: int) -> None:
    resolution, now_ms = WINDOWS[window], 480_000 * HOUR_MS + late_ms
    units = resolution.units(now_ms)
    from_ms, step_ms = units.start * resolution.unit_ms, resolution.step_s * 1000
    assert from_ms % step_ms == 0
    assert now_ms - resolution.window_s * 1000 < from_ms <= now_ms - resolution.window_s * 1000 + step_ms
    assert (units.stop - 1) * resolution.unit_ms <= now_ms < units.stop * resolution.unit_ms
    assert 50 <= len(range(0, len(units), resolution.per_step)) <= 300
    short = activity.SHORT.get(resolution.identity)
    assert resolution.window_s + resolution.step_s <= (short.kept_s if short else 90 * 86_400)


def test_point_has_the_sums_on_the_scale_of_the_api() -> None:
    point = activity_point(7, SUMS)
    assert (point.at_ms, point.decisions, point.explored, point.pinned, point.rewarded) == (7, 5, 2, 1, 2)
    assert (point.reward_sum, point.cost_usd_sum, point.cost_n) == (150.0, 0.25, 1)
    first, second = point.arms
    assert (first.arm, first.decisions, first.rewarded, first.reward_sum) == ("p:a", 3, 2, 150.0)
    assert (second.arm, second.decisions, second.rewarded, second.cost_n) == ("q:b/1", 2, 0, 0)


def test_totals_are_the_sums_of_all_intervals() -> None:
    other = HourSums(counts={"decisions": 4.0, "served\tq:b/1": 4.0, "joined\tq:b/1": 1.0, "earned\tq:b/1": 0.5})
    totals = activity_totals([SUMS, HourSums(), other])
    assert (totals.decisions, totals.explored, totals.pinned, totals.rewarded) == (9, 2, 1, 3)
    assert totals.mean_reward == pytest.approx((150.0 + 50.0) / 3)
    assert (totals.cost_usd_sum, totals.mean_cost_usd) == (0.25, 0.25)
    assert [(arm.arm, arm.decisions) for arm in totals.arms] == [("q:b/1", 6), ("p:a", 3)]
    nothing = activity_totals([HourSums()])
    assert (nothing.mean_reward, nothing.mean_cost_usd, nothing.arms) == (None, None, [])
