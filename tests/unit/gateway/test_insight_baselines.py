from __future__ import annotations

import pytest

from pointsman.shadow.report.totals import Totals
from pointsman_gateway.console.baselines import UNIFORM, baselines
from pointsman_gateway.console.views import ActivityTotals
from tests.unit.shadow.report.synthetic_log import Log


def window(decisions: int, rewarded: int) -> ActivityTotals:
    return ActivityTotals(
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
def test_what_was_saved_is_for_the_decisions_of_the_policy_that_is_active_now(
    decisions: int, rewarded: int, own: int
) -> None:
    """The sums are of 2,000 outcomes; where the window has more, the others are of policies before."""
    uniform = Totals.of(sums for _, sums in Log(q=(1 / 3, 1 / 3, 1 / 3)).hours(2000))
    (against,) = baselines({UNIFORM: uniform}, window(decisions, rewarded), 0.95)
    a_decision = against.cost_delta_usd.estimate
    assert a_decision is not None and a_decision > 0.0
    assert against.decisions == 2000
    assert against.saved_usd == pytest.approx(own * a_decision)


def test_nothing_is_compared_while_little_is_known() -> None:
    few = Totals.of(sums for _, sums in Log(q=(1 / 3, 1 / 3, 1 / 3)).hours(40))
    assert baselines({UNIFORM: few}, window(40, 40), 0.95) == []
