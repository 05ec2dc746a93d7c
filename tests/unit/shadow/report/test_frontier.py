from __future__ import annotations

import numpy as np
import pytest

from pointsman.core.bandit import Arm
from pointsman.core.bandit.arm_state import ArmState, OutcomeParts
from pointsman.shadow.report.frontier import Frontier, Predicted, best_mix, frontier, predict_arms
from pointsman.shadow.sums.hour_sums import HourSums, add_up
from tests.unit.shadow.report.synthetic_log import ARMS, Log

MODELS = [(1.0, 60.0), (3.0, 90.0), (2.0, 62.0), (9.0, 91.0), (None, 99.0)]


def found(log: Log, decisions: int, predicted: dict[str, Predicted] | None = None) -> Frontier:
    """The frontier of a log whose policy ignores the request, so that it is a mix of arms itself."""
    state = log.rng.bit_generator.state

    def sums(q: tuple[float, ...]) -> HourSums:
        log.rng.bit_generator.state = state  # the same decisions for every alternative
        log.q = q
        return add_up(part for _, part in log.hours(decisions))

    arms = {arm: sums(tuple(float(arm == other) for other in ARMS)) for arm in ARMS}
    return frontier("linucb", arms, sums((1 / 3, 1 / 3, 1 / 3)), {}, predicted or {}, 0.95)


@pytest.mark.parametrize(
    ("cost", "quality"), [(0.5, None), (1.0, 60.0), (2.0, 75.0), (3.0, 90.0), (6.0, 90.5), (9.0, 91.0), (99.0, 91.0)]
)
def test_the_best_mix_costs_no_more_and_leaves_out_models_below_the_frontier(
    cost: float, quality: float | None
) -> None:
    assert best_mix(MODELS, cost) == (None if quality is None else pytest.approx(quality))


def test_arms_are_placed_where_they_would_be_if_they_served_every_request() -> None:
    log = Log(p=(0.5, 0.3, 0.2), rewards=(0.5, 0.9, 0.4), costs_usd=(0.001, 0.01, 0.002))
    points = {point.name: point for point in found(log, 4000).points}
    assert list(points) == ["linucb", *ARMS, "uniform choice"]
    for at, arm in enumerate(ARMS):
        point = points[arm]
        assert point.cost_usd == pytest.approx(log.costs_usd[at], abs=2e-4)
        assert point.quality_low is not None and point.quality_high is not None
        # The intervals are those of the difference to the policy, whose own mean is known to half a point here.
        assert point.quality_low - 0.5 < 100.0 * log.rewards[at] < point.quality_high + 0.5


def test_a_policy_that_ignores_the_requests_is_never_certainly_above_the_mix_of_arms() -> None:
    for seed in range(20):
        log = Log(p=(0.5, 0.3, 0.2), costs_usd=(0.001, 0.01, 0.002), rng=np.random.default_rng(seed))
        above = found(log, 2000)
        assert above.gain is not None and above.gain_low is not None
        assert above.gain_low <= 0.0
        assert "not certain" in above.finding or "below" in above.finding


def test_an_arm_with_too_few_requests_is_where_its_model_predicts_and_then_nothing_is_certain() -> None:
    log = Log(p=(0.7, 0.3, 0.0))
    unseen = next(point for point in found(log, 3000).points if point.name == ARMS[2])
    assert (unseen.method, unseen.quality) == ("", None)
    above = found(log, 3000, {arm: Predicted(44.0, 0.002) for arm in ARMS})
    points = {point.name: point for point in above.points}
    assert points[ARMS[0]].method == "dr"
    assert (points[ARMS[2]].method, points[ARMS[2]].quality, points[ARMS[2]].quality_low) == ("model", 44.0, None)
    assert above.gain_low is None
    assert f"not certain, because too few requests went to {ARMS[2]}" in above.finding


def test_a_model_predicts_the_means_over_the_requests_of_all_arms() -> None:
    """The cheap arm got the easy requests, on which its own outcomes are better than they would be on all."""
    rng = np.random.default_rng(3)
    cheap, dear = ArmState.fresh(2), ArmState.fresh(2)
    for _ in range(4000):
        hard = rng.random()
        state, quality, cost = (cheap, 0.9 - 0.5 * hard, 0.2) if hard < 0.5 else (dear, 0.95, 0.4 + 0.2 * hard)
        state.observe(np.array([1.0, hard]), quality, cost * 0.01, parts=OutcomeParts(quality, cost))
    predicted = predict_arms({Arm("p", "cheap"): cheap, Arm("p", "dear"): dear, Arm("p", "new"): ArmState.fresh(2)})
    assert list(predicted) == ["p:cheap", "p:dear"]
    assert predicted["p:cheap"] == pytest.approx((65.0, 0.002), rel=0.02)
    assert predicted["p:dear"] == pytest.approx((95.0, 0.005), rel=0.02)


def test_nothing_is_placed_while_an_arm_reports_no_cost_because_the_mean_would_be_of_the_others() -> None:
    above = found(Log(p=(0.5, 0.3, 0.2), silent=(1,)), 3000)
    assert above.points == []
    assert ARMS[1] in above.finding


def test_without_outcomes_there_is_no_frontier() -> None:
    assert frontier("linucb", {}, HourSums(), {}, {}, 0.95) == Frontier()
