"""When a shadow is promoted and a promotion taken back, from the report alone."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from pointsman.contracts.config.reporting import PromotionConfig
from pointsman.contracts.config.schema import Config
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.shadow.promotion.ruling import barrier, rule, rule_promotion, rule_rollback
from pointsman.shadow.report.messages import Disagreements, Drift, PolicyReport, ReportedEstimate, ReportedInterval

AUTOMATIC = PromotionConfig(automatic=True)


def delta(low: float | None, high: float | None) -> ReportedEstimate:
    middle = None if low is None or high is None else (low + high) / 2
    return ReportedEstimate(estimate=middle, low=middle, high=middle, always_valid=ReportedInterval(low=low, high=high))


def row(**changed: Any) -> PolicyReport:
    """A shadow that is better by every measure."""
    good = PolicyReport(
        policy="new",
        tier="T",
        algorithm="linucb",
        active="live",
        decisions=9000,
        errors=0,
        agreement=0.5,
        cost_delta_usd=-0.0001,
        disagreements=Disagreements(count=4500),
        pairs=[],
        rewarded=3000,
        reward_delta=delta(0.5, 2.0),
        quality_delta=delta(-0.5, 1.0),
        cost_delta=delta(-0.0002, -0.0001),
        active_cost_usd=0.001,
        verdict="promote",
    )
    return msgspec.structs.replace(good, **changed)


def test_a_shadow_that_clears_every_bound_is_promoted_with_the_numbers() -> None:
    ruling = rule_promotion(row(), AUTOMATIC)
    assert (ruling.action, ruling.policy) == ("promote", "new")
    for text in (
        "+0.50 to +2.00",
        "margin 0",
        "−0.50 to +1.00",
        "floor -1",
        "−$0.000100",
        "ceiling $0.000100",
        "3,000",
    ):
        assert text in ruling.why


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"rewarded": 999}, "999 of 1,000 decisions"),
        ({"errors": 1}, "raised an error 1 times"),
        ({"verdict": "cannot tell", "why": "too little overlap"}, "too little overlap"),
        ({"reward_delta": delta(0.0, 2.0)}, "is not above the margin"),
        ({"reward_delta": delta(None, None)}, "unknown"),
        ({"reward_delta": delta(-3.0, -1.0)}, "is not above the margin"),
        ({"quality_delta": delta(-1.01, 5.0)}, "may be below -1"),
        ({"quality_delta": delta(None, None)}, "unknown"),
        ({"cost_delta": delta(-0.001, 0.00011)}, "may be above $0.000100"),
        ({"cost_delta": delta(None, None)}, "unknown"),
        ({"active_cost_usd": None}, "unknown amount"),
    ],
)
def test_what_is_not_cleared_is_no_promotion(changed: dict[str, Any], why: str) -> None:
    ruling = rule_promotion(row(**changed), AUTOMATIC)
    assert (ruling.action, ruling.policy) == ("none", "new")
    assert why in ruling.why


WORSE = Drift(changed=True, latest_from="2026-11-21", latest=msgspec.structs.replace(delta(-3.0, -1.0), high=-0.5))
"""The days differ, and from one of them on the shadow was worse."""


def test_what_was_better_and_has_become_worse_is_neither_promoted_nor_put_back() -> None:
    """While the active policy learns, a shadow that was ahead may fall behind; the mean does not show it."""
    ruling = rule_promotion(row(drift=WORSE), AUTOMATIC)
    assert ruling.action == "none"
    assert ruling.why == "the reward difference is +0.50 to +2.00, but worse from 2026-11-21 on: −2.0 (−2.0 to −0.5)"
    assert rule_promotion(row(drift=msgspec.structs.replace(WORSE, changed=False)), AUTOMATIC).action == "promote"
    as_dear = delta(-0.00001, 0.00001)
    assert rule_rollback(row(cost_delta=as_dear), AUTOMATIC).action == "rollback"
    assert rule_rollback(row(cost_delta=as_dear, drift=WORSE), AUTOMATIC).action == "none"
    worse_quality = row(drift=WORSE, quality_delta=delta(2.0, 3.0))
    assert "has a higher quality" in rule_rollback(worse_quality, AUTOMATIC).why


@pytest.mark.parametrize("changed", [{"quality_delta": delta(-1.0, 5.0)}, {"cost_delta": delta(-0.001, 0.0001)}])
def test_a_bound_that_is_met_exactly_is_kept(changed: dict[str, Any]) -> None:
    assert rule_promotion(row(**changed), AUTOMATIC).action == "promote"


def test_the_margin_must_be_exceeded() -> None:
    margin = PromotionConfig(automatic=True, margin=0.5)
    assert rule_promotion(row(), margin).action == "none"
    assert rule_promotion(row(reward_delta=delta(0.51, 2.0)), margin).action == "promote"


def test_without_floor_and_ceiling_quality_and_cost_are_not_looked_at() -> None:
    open_ = PromotionConfig(automatic=True, quality_floor=-100.0, cost_ceiling=math.inf)
    worse = row(quality_delta=delta(-50.0, -40.0), cost_delta=delta(1.0, 2.0), active_cost_usd=None)
    assert rule_promotion(worse, open_).action == "promote"
    unknown = row(quality_delta=ReportedEstimate(), cost_delta=ReportedEstimate(), active_cost_usd=None)
    assert rule_promotion(unknown, open_).action == "promote"


def test_of_several_the_one_that_surely_gains_most_is_promoted() -> None:
    rows = [
        row(policy="a", reward_delta=delta(0.5, 9.0)),
        row(policy="b", reward_delta=delta(0.9, 1.0)),
        row(policy="c", reward_delta=delta(5.0, 9.0), rewarded=10),
    ]
    assert rule(rows, None, AUTOMATIC).policy == "b"
    assert rule(rows, None, PromotionConfig(automatic=True, policies=["a", "c"])).policy == "a"
    assert rule(rows, None, PromotionConfig(automatic=True, policies=["c"])).action == "none"


def test_nothing_is_promoted_unless_that_is_configured() -> None:
    assert rule([row()], None, PromotionConfig()).action == "none"
    assert rule([row()], None, PromotionConfig(automatic_rollback=True)).action == "none"
    assert rule([], None, AUTOMATIC).action == "none"


OLD = {"policy": "old", "active": "new", "rewarded": 300}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"reward_delta": delta(0.01, 3.0)}, "would earn more than new"),
        ({"quality_delta": delta(1.01, 3.0), "reward_delta": delta(-1.0, 1.0)}, "the floor is -1"),
        # new costs 0.001, old costs 0.0008: new is dearer by 0.0002 of 0.0008, surely by more than a tenth
        ({"cost_delta": delta(-0.0003, -0.0001), "reward_delta": delta(-1.0, 1.0)}, "the ceiling is $0.000080 more"),
    ],
)
def test_a_promotion_that_is_surely_worse_is_taken_back(changed: dict[str, Any], why: str) -> None:
    same = {"reward_delta": delta(-1.0, 1.0), "quality_delta": delta(-1.0, 1.0), "cost_delta": delta(-0.00001, 0.00001)}
    worse = row(**{**OLD, **same, **changed})
    ruling = rule([worse], "old", AUTOMATIC)
    assert (ruling.action, ruling.policy) == ("rollback", "old")
    assert why in ruling.why
    assert rule([worse], "old", PromotionConfig(automatic_rollback=True)).action == "rollback"
    assert rule([worse], None, AUTOMATIC).action == "none"


@pytest.mark.parametrize(
    "changed",
    [
        {"reward_delta": delta(0.0, 3.0)},
        {"reward_delta": delta(0.5, 3.0), "rewarded": 199},
        {"reward_delta": delta(0.5, 3.0), "verdict": "cannot tell"},
        {"quality_delta": delta(1.0, 3.0)},
        {"cost_delta": delta(-0.0003, -0.00008)},
        {
            "reward_delta": ReportedEstimate(),
            "quality_delta": ReportedEstimate(),
            "cost_delta": ReportedEstimate(),
            "active_cost_usd": None,
        },
    ],
)
def test_what_is_not_certain_takes_nothing_back(changed: dict[str, Any]) -> None:
    same = {"reward_delta": delta(-1.0, 1.0), "quality_delta": delta(-1.0, 1.0), "cost_delta": delta(-0.00001, 0.00001)}
    assert rule_rollback(row(**{**OLD, **same, **changed}), AUTOMATIC).action == "none"


def test_a_rollback_comes_before_a_promotion_and_needs_less() -> None:
    back = row(**OLD)
    assert rule([row(policy="third", reward_delta=delta(9.0, 10.0)), back], "old", AUTOMATIC).policy == "old"
    late = PromotionConfig(automatic=True, rollback_min_decisions=5000)
    assert rule([msgspec.structs.replace(back, rewarded=3000)], "old", late).action == "none"


LIVE = PolicySpec(name="live", algorithm="linucb", parameters={"epsilon": 0.1})
BACK = PolicySpec(name="back", algorithm="linucb", parameters={"epsilon": 0.2})
TIER = TierPolicies(active=LIVE, reverted=[BACK.identity])


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (PolicySpec(name="a", algorithm="linucb", parameters={"epsilon": 0.01}), ""),
        (PolicySpec(name="a", algorithm="uniform"), ""),
        (PolicySpec(name="a", algorithm="linucb", parameters={"epsilon": 0.01}, lambda_cost=0.3), ""),
        (BACK, "rolled back"),
        (PolicySpec(name="a", algorithm="linucb", parameters={"epsilon": 0.2}), ""),
        (PolicySpec(name="a", algorithm="static:p:m"), "does not explore"),
        (PolicySpec(name="a", algorithm="linucb", lambda_cost=0.5), "its own reward rule"),
        (PolicySpec(name="a", algorithm="linucb", forgetting=0.99), "its own reward rule"),
        (PolicySpec(name="a", algorithm="no_such_module:Class"), "cannot load"),
    ],
)
def test_some_are_never_promoted_whatever_the_report_shows(spec: PolicySpec, why: str) -> None:
    barred = barrier(TIER, spec, Config(promotion=AUTOMATIC))
    assert (why in barred) if why else not barred


def test_what_does_not_explore_can_be_permitted() -> None:
    permitted = Config(promotion=PromotionConfig(automatic=True, only_exploring=False))
    assert barrier(TIER, PolicySpec(name="a", algorithm="static:p:m"), permitted) == ""
