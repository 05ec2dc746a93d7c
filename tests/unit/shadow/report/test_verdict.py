from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.shadow.report.messages import (
    Clipped,
    Disagreements,
    Drift,
    PolicyReport,
    ReportedEstimate,
    ReportedInterval,
)
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.report.verdict import judge
from tests.unit.shadow.report.synthetic_log import Log


def delta(estimate: float, width: float) -> ReportedEstimate:
    return ReportedEstimate(
        estimate=estimate,
        low=estimate - width / 2,
        high=estimate + width / 2,
        method="dr",
        always_valid=ReportedInterval(low=estimate - width, high=estimate + width, method="asymptotic-sequence"),
    )


def report(**fields: Any) -> PolicyReport:
    return PolicyReport(
        **{
            "policy": "greedy",
            "tier": "S",
            "algorithm": "epsilon-greedy",
            "decisions": 10_000,
            "errors": 0,
            "rewarded": 3120,
            "rewarded_share": 0.312,
            "agreement": 0.7,
            "cost_delta_usd": None,
            "reward_delta": delta(1.9, 1.5),
            "effective_sample_size": 900.0,
            "unsupported": 0.0,
            "disagreements": Disagreements(count=3000),
            "pairs": [],
            **fields,
        }
    )


def test_better_for_certain_is_promoted_with_the_numbers() -> None:
    judged = judge(report(cost_delta=delta(-0.00012, 0.00001), active_cost_usd=0.001), None)
    assert judged.verdict == "promote"
    assert judged.why == "reward +1.9 (0.4 to 3.4) over 3,120 decisions with an outcome; costs 12 % less"


def test_worse_for_certain_is_not_promoted() -> None:
    judged = judge(report(reward_delta=delta(-2.0, 1.0)), None)
    assert (judged.verdict, judged.more_decisions) == ("do not promote", None)
    assert judged.why.startswith("it earns less: reward −2.0 (−3.0 to −1.0)")


def test_a_better_reward_with_falling_quality_and_rising_cost_names_both() -> None:
    judged = judge(
        report(quality_delta=delta(-1.0, 0.5), cost_delta=delta(0.0005, 0.0001), active_cost_usd=0.001), None
    )
    assert judged.verdict == "promote"
    assert "but quality falls: −1.0 (−1.5 to −0.5)" in judged.why
    assert "but costs 50 % more" in judged.why


def test_a_cost_difference_of_no_percent_is_none() -> None:
    judged = judge(report(cost_delta=delta(0.000001, 0.001), active_cost_usd=0.001), None)
    assert judged.why.endswith("outcome; costs about the same")


def test_a_cost_that_is_not_certain_is_called_uncertain() -> None:
    judged = judge(report(cost_delta=delta(0.0005, 0.001), active_cost_usd=0.001), None)
    assert judged.why.endswith("costs about 50 % more, not certain")


def test_not_certain_yet_is_watched_for_about_so_many_more_decisions() -> None:
    judged = judge(report(reward_delta=delta(1.0, 2.0)), 3120)
    assert (judged.verdict, judged.more_decisions) == ("keep watching", 10_000)
    assert "about 10,000 more decisions are needed" in judged.why


def test_no_number_of_decisions_is_named_where_none_would_suffice() -> None:
    judged = judge(report(reward_delta=delta(0.0, 2.0)), None)
    assert (judged.verdict, judged.more_decisions) == ("keep watching", None)
    assert "the number of decisions needed cannot be estimated" in judged.why


def test_a_difference_surely_too_small_to_matter_is_no_reason_to_switch() -> None:
    judged = judge(report(reward_delta=delta(0.1, 0.3)), 0)
    assert judged.verdict == "do not promote"
    assert "no difference worth a switch: reward +0.1 (−0.2 to 0.4)" in judged.why


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"decisions": 0, "rewarded": 0}, "it was not run on any decision of the window"),
        ({"rewarded": 0, "rewarded_share": 0.0}, "none of 10,000 decisions has an outcome"),
        ({"rewarded": 49, "rewarded_share": 0.0049}, "only 49 of 10,000 decisions"),
        ({"unsupported": 0.25}, "25.0 % of its choices are ones that the active policy never makes"),
        ({"effective_sample_size": 12.3}, "3,120 decisions with an outcome are worth only 12 of its own"),
    ],
)
def test_too_little_data_or_overlap_is_no_verdict(fields: dict[str, Any], reason: str) -> None:
    judged = judge(report(**fields), None)
    assert judged.verdict == "cannot tell"
    assert reason in judged.why


def test_too_few_outcomes_state_how_many_decisions_bring_enough() -> None:
    judged = judge(report(rewarded=25, rewarded_share=0.0025), None)
    assert judged.more_decisions == 10_000


def test_a_policy_that_raises_is_not_promoted_however_well_it_does() -> None:
    judged = judge(report(errors=300), None)
    assert judged.verdict == "do not promote"
    assert judged.why == "it raised an error on 300 of 10,300 decisions (2.9 %)"


def test_one_that_was_better_but_has_become_worse_is_watched() -> None:
    level = Drift(latest_from="2026-11-21", latest=delta(-3.0, 2.0))
    changed = report(drift=msgspec.structs.replace(level, changed=True))
    assert judge(changed, None).verdict == "keep watching"
    assert "worse from 2026-11-21 on: −3.0 (−4.0 to −2.0)" in judge(changed, None).why
    assert judge(report(drift=level), None).verdict == "promote"


def test_what_a_promotion_leaves_behind_is_stated_with_every_verdict() -> None:
    own = "forgetting 0.99 instead of 1"
    for fields in ({}, {"rewarded": 0, "rewarded_share": 0.0}, {"reward_delta": delta(1.0, 2.0)}):
        plain, judged = judge(report(**fields), None), judge(report(**fields, own_rule=own), None)
        assert judged.verdict == plain.verdict
        assert judged.why == (
            f"{plain.why}; it learns by its own reward rule ({own}): the figures are for its own A and b; "
            "after a promotion it continues from what the tier has learned by the previous rule"
        )
    weighed = judge(report(own_rule="lambda_cost 2 instead of 0.3"), None)
    assert "its own A and b, with rewards as the active policy computes them; after" in weighed.why


def test_a_shadow_that_runs_on_a_share_needs_more_of_the_tiers_decisions() -> None:
    judged = judge(report(reward_delta=delta(1.0, 2.0), sample=0.1), 3120)
    assert (judged.verdict, judged.more_decisions) == ("keep watching", 100_000)
    assert "about 100,000 more decisions are needed" in judged.why


def test_clipped_weights_are_mentioned() -> None:
    assert "7 weights were clipped" in judge(report(clipped=Clipped(count=7, mass=0.1)), None).why


@pytest.mark.parametrize(
    ("log", "verdict"),
    [
        (Log(), "promote"),
        (Log(q=(0.1, 0.1, 0.8)), "do not promote"),
        (Log(p=(0.9, 0.1, 0.0)), "cannot tell"),
        (Log(rewarded=0.001), "cannot tell"),
    ],
)
def test_made_up_logs_get_the_verdict_that_their_truth_deserves(log: Log, verdict: str) -> None:
    spec = PolicySpec(name="s", algorithm="uniform")
    assert policy_report("S", spec, "a", log.hours(20_000, 3), {}, 0.95).verdict == verdict


def test_as_many_more_decisions_as_were_named_are_enough_if_all_stays_as_it_is() -> None:
    hours = Log(q=(0.6, 0.25, 0.15), rewards=(0.5, 0.52, 0.5), rewarded=0.3).hours(500)
    spec = PolicySpec(name="s", algorithm="uniform")
    first = policy_report("S", spec, "a", hours, {}, 0.95)
    assert (first.verdict, first.more_decisions is None) == ("keep watching", False)
    times = (500 + (first.more_decisions or 0)) / 500
    assert policy_report("S", spec, "a", hours * int(0.9 * times), {}, 0.95).verdict == "keep watching"
    assert policy_report("S", spec, "a", hours * int(1.1 * times + 1), {}, 0.95).verdict != "keep watching"
