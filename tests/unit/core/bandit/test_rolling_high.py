"""The scale of the normaliser ``quantile``: exact, small, continued from its state, and moved by no single outcome."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import Outlier, Ranges, RewardRule
from pointsman.core.bandit.rolling_high import (
    KEPT,
    MAX_ARM_AGE,
    MAX_BLOCK_AGE,
    MIN_WINDOW_BLOCK,
    WINDOW_BLOCK,
    RollingHigh,
    RollingScale,
)

RULE = RewardRule(normalizer="quantile", mu_latency=0.0)
CHEAP, DEAR = "m:cheap", "m:dear"
values = st.floats(0.0, 1e6)


def learned(*outcomes: tuple[str, float], ranges: Ranges | None = None) -> Ranges:
    """Return ranges that have seen these costs of these arms."""
    ranges = ranges or Ranges()
    for arm, cost_usd in outcomes:
        ranges.reward(RULE, 80.0, cost_usd, None, arm)
    return ranges


def usual(times: int) -> list[tuple[str, float]]:
    """Return as many outcomes of each of two arms."""
    return [(CHEAP, 0.001), (DEAR, 0.02)] * times


@given(st.lists(values, min_size=1, max_size=40), st.integers(1, 3))
def test_the_quantile_is_that_of_the_last_two_blocks(few: list[float], times: int) -> None:
    seen = (few * (2 * WINDOW_BLOCK * times // len(few) + 1))[: WINDOW_BLOCK * times + len(few)]
    window = RollingHigh(0)
    for number, value in enumerate(seen, 1):
        window.observe(value, number)
    n = len(seen)
    last = seen[max(0, (n - 1) // WINDOW_BLOCK - 1) * WINDOW_BLOCK :]
    assert window.high == (sorted(last)[-1 - math.ceil(len(last) / 100)] if n > 1 else None)
    assert len(window.state()) <= 4 + 2 * KEPT


@given(st.lists(st.tuples(st.sampled_from([CHEAP, DEAR, "m:x"]), values), max_size=60), st.data())
def test_going_on_from_the_saved_state_gives_the_same_rewards(
    outcomes: list[tuple[str, float]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(outcomes)))
    whole = Ranges()
    resumed = Ranges.from_state(learned(*outcomes[:cut]).state())
    expected = [whole.reward(RULE, 80.0, cost, cost, arm) for arm, cost in outcomes]
    for arm, cost in outcomes[:cut]:
        resumed.latency.observe(arm, cost, "quantile", (0.0, 1.0))
    assert [resumed.reward(RULE, 80.0, cost, cost, arm) for arm, cost in outcomes[cut:]] == expected[cut:]
    assert resumed.state() == whole.state()
    assert list(resumed.cost.scale.state()) == list(whole.cost.scale.state())


def test_there_is_no_scale_before_two_arms_have_two_outcomes_each() -> None:
    ranges = learned((CHEAP, 0.001), (CHEAP, 0.001), (DEAR, 0.02))
    assert ranges.cost.scale.high is None
    assert ranges.reward(RULE, 80.0, 0.001, None, CHEAP)[:6] == (80.0, 80.0, 0.0, None, None, None)
    reward = ranges.reward(RULE, 80.0, 0.02, None, DEAR)
    assert reward[:6] == (50.0, 80.0, 1.0, None, (0.0, 0.02), None)
    assert ranges.reward(RULE, 80.0, 0.001, None, CHEAP).value == pytest.approx(78.5)


@pytest.mark.parametrize("outlier", [2.0, 100.0, 1e6])
@pytest.mark.parametrize("arm", [CHEAP, DEAR])
@pytest.mark.parametrize("before", [0, 1, 50, 300])
def test_a_single_outlier_does_not_move_the_scale(outlier: float, arm: str, before: int) -> None:
    ranges = learned(*usual(before), (arm, outlier), *usual(3))
    assert ranges.cost.scale.high == 0.02


def test_a_dear_arm_that_is_rarely_served_keeps_the_scale() -> None:
    ranges = learned(*usual(5), *[(CHEAP, 0.001)] * (MAX_ARM_AGE - 100))
    assert ranges.cost.scale.high == 0.02


def test_an_arm_that_was_removed_leaves_the_scale_and_the_last_two_arms_stay() -> None:
    ranges = learned(*usual(5), *[(CHEAP, 0.001), ("m:other", 0.002)] * (MAX_ARM_AGE // 2 + MAX_BLOCK_AGE))
    assert ranges.cost.scale.high == 0.002
    assert set(ranges.state()) == {"cost", "latency", "cost_n", f"cost:{CHEAP}", "cost:m:other"}
    ranges = learned(*[(CHEAP, 0.001)] * (MAX_ARM_AGE + MAX_BLOCK_AGE), ranges=ranges)
    assert ranges.cost.scale.high == 0.002


def test_a_mistaken_unit_that_was_corrected_is_forgotten_though_the_arm_is_rarely_served() -> None:
    ranges = learned(*usual(300), *[(DEAR, 2.0)] * 100)
    assert ranges.cost.scale.high == 2.0
    rare = [(DEAR, 0.02), *[(CHEAP, 0.001)] * (MAX_BLOCK_AGE // MIN_WINDOW_BLOCK)]
    assert learned(*rare * (2 * MIN_WINDOW_BLOCK + 2), ranges=ranges).cost.scale.high == 0.02


def test_an_outlier_is_reported_on_the_scale_before_it_whatever_the_normaliser() -> None:
    ranges = learned(*usual(9))
    assert ranges.reward(RULE, 80.0, 100.0, None, CHEAP).outliers == ()  # of too few outcomes
    assert ranges.reward(RULE, 80.0, 0.3, None, DEAR).outliers == ()
    reward = ranges.reward(RewardRule(), 80.0, 100.0, 100.0, DEAR)
    assert reward.outliers == (Outlier("cost_usd", 100.0, 0.02),)


def test_a_tier_of_free_arms_has_no_scale_and_no_outliers() -> None:
    scale = RollingScale()
    assert not any(scale.observe(arm, 0.0) for arm in [CHEAP, DEAR] * 20)
    assert not scale.observe(CHEAP, 5.0)
    assert Ranges().reward(RULE, 80.0, 0.0, None, CHEAP).cost_range_usd is None


def test_the_state_of_an_older_version_has_only_the_running_ranges() -> None:
    ranges = Ranges.from_state({"cost": [0.0, 8.0], "latency": []})
    assert ranges.reward(RewardRule(), 80.0, 4.0, None, CHEAP).cost_norm == 0.5
    assert ranges.cost.scale.high is None
