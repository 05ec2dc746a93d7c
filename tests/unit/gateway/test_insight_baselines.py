from __future__ import annotations

import pytest

from pointsman.shadow.sums.hour_sums import add_up
from pointsman_gateway.console.activity import ActivityTotalsView
from pointsman_gateway.console.baselines import UNIFORM, compare_with_baselines
from tests.unit.shadow.report.synthetic_log import Log


def window(decisions: int, rewarded: int) -> ActivityTotalsView:
    return ActivityTotalsView(
        decisions=decisions,
        explored=0,
        pinned=0,
        rewarded=rewarded,
        mean_reward=None,
        cost_usd_sum=0.0,
        mean_cost_usd=None,
        arms=[],
    )


@pytest.mark.parametrize(
    ("decisions", "rewarded", "own"),
    [(4000, 2000, 4000), (40_000, 20_000, 4000), (8000, 8000, 2000), (1000, 1000, 1000)],
)
def test_savings_are_for_the_decisions_of_the_policy_that_is_active_now(
    decisions: int, rewarded: int, own: int
) -> None:
    """The sums have 2,000 outcomes; the others in the window are of earlier policies."""
    uniform = add_up(sums for _, sums in Log(q=(1 / 3, 1 / 3, 1 / 3)).hours(2000))
    (baseline,) = compare_with_baselines({UNIFORM: uniform}, window(decisions, rewarded), 0.95)
    per_decision = baseline.cost_delta_usd.estimate
    assert per_decision is not None and per_decision > 0.0
    assert baseline.decisions == 2000
    assert baseline.saved_usd == pytest.approx(own * per_decision)


def test_baseline_with_too_little_data_is_left_out() -> None:
    few = add_up(sums for _, sums in Log(q=(1 / 3, 1 / 3, 1 / 3)).hours(40))
    assert compare_with_baselines({UNIFORM: few}, window(40, 40), 0.95) == []
