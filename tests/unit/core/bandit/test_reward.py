"""The reward: quality less weighted cost and latency, within what has been seen so far."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import Ranges, RewardRule
from pointsman.core.bandit.reward import RunningRange

RULE = RewardRule()
FIXED = RewardRule(normalizer="fixed", cost_bounds_usd=(0.0, 0.2), latency_bounds_ms=(100.0, 1100.0))
QUANTILE = RewardRule(normalizer="quantile")
amounts = st.none() | st.floats(0.0, 1e6)


def test_the_first_cost_and_latency_take_nothing_off() -> None:
    reward = Ranges().reward(RULE, 80.0, 0.05, 900.0)
    assert reward[:4] == (80.0, 80.0, 0.0, 0.0)


def test_the_range_includes_the_value_itself() -> None:
    ranges = Ranges()
    ranges.reward(RULE, 80.0, 0.01, 100.0)
    assert ranges.reward(RULE, 80.0, 0.03, 300.0).value == pytest.approx(80.0 - 30.0 - 10.0)
    assert ranges.reward(RULE, 80.0, 0.02, 200.0).value == pytest.approx(80.0 - 15.0 - 5.0)
    assert ranges.reward(RULE, 80.0, 0.0, 0.0).value == 80.0


def test_equal_values_are_zero() -> None:
    ranges = Ranges()
    assert [ranges.reward(RULE, 70.0, 0.5, None).value for _ in range(3)] == [70.0] * 3


def test_a_missing_measurement_costs_nothing_and_changes_no_range() -> None:
    ranges = Ranges()
    assert ranges.reward(RULE, 61.5, None, None)[:4] == (61.5, 61.5, None, None)
    assert ranges.state() == {"cost": [], "latency": []}


def test_a_missing_quality_counts_as_fifty() -> None:
    ranges = Ranges()
    ranges.reward(RULE, None, 0.0, None)
    assert ranges.reward(RULE, None, 1.0, None)[:4] == (20.0, 50.0, 1.0, None)


@pytest.mark.parametrize(("quality", "value"), [(-5.0, 0.0), (120.0, 100.0), (5.0, 0.0)])
def test_a_reward_is_clamped_to_0_to_100(quality: float, value: float) -> None:
    ranges = Ranges()
    ranges.reward(RULE, 50.0, 0.0, None)
    cost_usd = 1.0 if quality < 100.0 else 0.0
    assert ranges.reward(RULE, quality, cost_usd, None).value == value


@given(
    st.lists(st.tuples(st.floats(0.0, 100.0), amounts, amounts), max_size=30), st.sampled_from([RULE, FIXED, QUANTILE])
)
def test_rewards_and_their_parts_stay_in_their_bounds(
    outcomes: list[tuple[float, float | None, float | None]], rule: RewardRule
) -> None:
    ranges = Ranges()
    for quality, cost_usd, latency_ms in outcomes:
        reward = ranges.reward(rule, quality, cost_usd, latency_ms)
        assert 0.0 <= reward.value <= 100.0
        for measured, norm in ((cost_usd, reward.cost_norm), (latency_ms, reward.latency_norm)):
            assert (norm is None) == (measured is None)
            assert norm is None or 0.0 <= norm <= 1.0


@given(st.lists(st.tuples(amounts, amounts), max_size=20), st.data())
def test_going_on_from_the_saved_state_gives_the_same_rewards(
    outcomes: list[tuple[float | None, float | None]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(outcomes)))
    whole, resumed = Ranges(), Ranges()
    for cost_usd, latency_ms in outcomes[:cut]:
        resumed.reward(RULE, 75.0, cost_usd, latency_ms)
    resumed = Ranges.from_state(resumed.state())
    expected = [whole.reward(RULE, 75.0, *outcome) for outcome in outcomes]
    assert [resumed.reward(RULE, 75.0, *outcome) for outcome in outcomes[cut:]] == expected[cut:]
    assert resumed.state() == whole.state()


def test_fixed_bounds_clamp_what_is_outside() -> None:
    ranges = Ranges()
    assert ranges.reward(FIXED, 90.0, 0.1, 600.0)[:4] == (70.0, 90.0, 0.5, 0.5)
    assert ranges.reward(FIXED, 90.0, 5.0, 1e6)[:4] == (50.0, 90.0, 1.0, 1.0)
    assert ranges.reward(FIXED, 90.0, 0.0, 1.0)[:4] == (90.0, 90.0, 0.0, 0.0)


def test_running_ranges_widen_under_fixed_bounds_too() -> None:
    """So that the rule can be changed without reading the log again."""
    ranges = Ranges()
    ranges.reward(FIXED, 90.0, 3.0, 40.0)
    assert (ranges.state()["cost"], ranges.state()["latency"]) == ([3.0, 3.0], [40.0, 40.0])


def test_the_weights_are_those_of_the_rule() -> None:
    ranges = Ranges()
    rule = RewardRule(lambda_cost=0.5, mu_latency=0.0)
    ranges.reward(rule, 80.0, 0.0, 0.0)
    assert ranges.reward(rule, 80.0, 1.0, 1.0).value == 30.0


def test_a_new_range_has_no_state() -> None:
    assert RunningRange().state() == []
    assert RunningRange([]).observe(4.0) == 0.0
    assert RunningRange([0.0, 8.0]).observe(4.0) == 0.5


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_fixed_bounds_that_are_none_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="low < high"):
        RewardRule(cost_bounds_usd=(low, high))
