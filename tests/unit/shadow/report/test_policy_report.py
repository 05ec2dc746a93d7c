from __future__ import annotations

import math

import numpy as np
import pytest

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.shadow.report.messages import PolicyReport
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.sums.hour_sums import add_up
from tests.unit.shadow.report.synthetic_log import ARMS, HOUR, Log

SPEC = PolicySpec(name="bold", algorithm="uniform", sample=0.5)


def report(log: Log, decisions: int = 20_000, hours: int = 5) -> PolicyReport:
    return policy_report("S", SPEC, "linucb", log.hours(decisions, hours), {}, 0.95)


def test_the_truth_is_within_both_intervals_and_the_always_valid_one_is_wider() -> None:
    log = Log(rewarded=0.3)
    made = report(log)
    for delta in (made.reward_delta, made.quality_delta):
        assert delta.low is not None and delta.high is not None
        always = delta.always_valid
        assert always.low is not None and always.high is not None
        assert always.low < delta.low < log.truth() < delta.high < always.high
        assert (delta.method, delta.confidence) == ("dr", 0.95)
    assert (made.active, made.sample, made.policy, made.tier) == ("linucb", 0.5, "bold", "S")


def test_counts_are_those_of_the_log() -> None:
    made = report(Log(rewarded=0.5))
    assert made.decisions == 20_000
    assert made.rewarded_share == made.rewarded / 20_000 == pytest.approx(0.5, abs=0.02)
    assert made.expected_agreement == pytest.approx(0.8 * 0.1 + 0.1 * 0.8 + 0.1 * 0.1)
    assert made.agreement == pytest.approx(0.17, abs=0.02)
    assert made.disagreements.count == sum(pair.count for pair in made.pairs)
    assert [pair.count for pair in made.pairs] == sorted((pair.count for pair in made.pairs), reverse=True)
    assert 50 < made.effective_sample_size < made.rewarded


def test_the_difference_on_disagreements_is_the_whole_one_over_their_expected_share() -> None:
    made = report(Log())
    assert made.disagreements.expected_share == pytest.approx(0.83)
    on_all, on_some = made.reward_delta, made.disagreements.reward_delta
    for whole, part in (
        (on_all.estimate, on_some.estimate),
        (on_all.low, on_some.low),
        (on_all.always_valid.high, on_some.always_valid.high),
    ):
        assert whole is not None and part is not None
        assert part == pytest.approx(whole / 0.83)


def test_the_same_policy_differs_by_nothing_exactly() -> None:
    made = report(Log(q=(0.8, 0.1, 0.1)))
    assert (made.reward_delta.estimate, made.reward_delta.low, made.reward_delta.always_valid.high) == (0.0, 0.0, 0.0)
    assert made.verdict == "do not promote"


def test_every_estimator_agrees_on_a_log_with_overlap() -> None:
    log = Log()
    made = report(log)
    truth = 100.0 * sum(q * reward for q, reward in zip(log.q, log.rewards, strict=True))
    for name in ("ips", "snips", "dr", "sndr"):
        value = getattr(made.estimates, name)
        assert value.low < truth < value.high, name
    assert made.estimates.dm.estimate == pytest.approx(0.9 * truth)  # the model is 10 % low, and no figure shows it
    assert made.estimates.active == pytest.approx(50.0, abs=1.0)


def test_costs_are_estimated_once_outcomes_report_them() -> None:
    made = report(Log())
    expected = 0.1 * 0.001 + 0.8 * 0.01 - (0.8 * 0.001 + 0.1 * 0.01)
    assert made.cost_delta_method == "dr"
    assert made.cost_delta_usd == made.cost_delta.estimate == pytest.approx(expected, rel=0.01)
    assert made.cost_unknown == []


def test_a_cost_is_unknown_while_an_arm_that_serves_never_reports_one() -> None:
    """Those that report one are all of other arms then: their mean is not that of all requests."""
    log = Log(silent=(1,))
    made = report(log)
    assert (made.cost_delta_usd, made.cost_delta.estimate, made.cost_unknown) == (None, None, [ARMS[1]])
    known = policy_report("S", SPEC, "linucb", log.hours(20_000), {ARMS[1]: 0.01}, 0.95)
    assert (known.cost_delta_method, known.cost_unknown) == ("dr", [])


def test_the_spread_of_weights_counts_for_decisions_with_a_cost_only() -> None:
    total = add_up(sums for _, sums in Log(silent=(0,)).hours(20_000))
    share = total.statistics.cost.count / total.statistics.reward.count
    assert 0.15 < share < 0.25
    for arm, of_reward in total.arm_errors("reward").items():
        assert total.arm_errors("cost")[arm].spread == pytest.approx(share * of_reward.spread)


@pytest.mark.parametrize(("name", "enough"), [("dr", 93), ("sndr", 93), ("ips", 93), ("snips", 85)])
def test_values_have_intervals_that_know_of_weights_not_met_yet(name: str, enough: int) -> None:
    """Seeded. What the shadow prefers is served once in 200 decisions; where it never was, all seen is alike."""
    held = 0
    for seed in range(100):
        log = Log(p=(0.99, 0.005, 0.005), q=(0.5, 0.5, 0.0), rng=np.random.default_rng(seed))
        truth = 100.0 * float(np.dot(log.q, log.rewards))
        value = getattr(report(log, decisions=150, hours=1).estimates, name)
        held += value.low <= truth <= value.high
    assert held >= enough


def test_before_any_cost_is_reported_each_arms_mean_cost_counts() -> None:
    hours = Log(rewarded=0.0).hours(1000)
    made = policy_report("S", SPEC, "linucb", hours, {ARMS[0]: 0.001, ARMS[1]: 0.01, ARMS[2]: 0.0}, 0.95)
    assert made.cost_delta_method == "arm-means"
    assert made.cost_delta_usd == pytest.approx(0.1 * 0.001 + 0.8 * 0.01 - (0.8 * 0.001 + 0.1 * 0.01))
    assert made.cost_delta.estimate is None
    unknown = policy_report("S", SPEC, "linucb", hours, {ARMS[0]: 0.001}, 0.95)
    assert (unknown.cost_delta_usd, unknown.cost_unknown) == (None, sorted(ARMS[1:]))


def test_nothing_at_all_is_a_report_too() -> None:
    made = policy_report("S", SPEC, "linucb", [], {}, 0.95)
    assert (made.verdict, made.decisions, made.agreement, made.reward_delta.estimate) == ("cannot tell", 0, None, None)
    assert made.why == "it was not run on any decision of the window"


def test_few_outcomes_have_an_estimate_and_no_interval() -> None:
    made = report(Log(), decisions=40)
    assert made.reward_delta.estimate is not None
    assert (made.reward_delta.low, made.reward_delta.always_valid.high) == (None, None)
    assert made.verdict == "cannot tell"


def test_a_report_does_not_depend_on_how_the_hours_are_cut() -> None:
    one = Log().hours(1, 1)[0][1]
    hours = [(HOUR + at, one) for at in range(100)]
    doubled = [(HOUR + at, one + one) for at in range(50)]
    first, second = (policy_report("S", SPEC, "linucb", of, {}, 0.95) for of in (hours, doubled))
    assert first.decisions == second.decisions == 100
    assert first.reward_delta.estimate is not None and second.reward_delta.estimate is not None
    assert math.isclose(first.reward_delta.estimate, second.reward_delta.estimate)


def test_outcomes_that_come_for_some_arms_only_are_seen() -> None:
    log = Log()
    hours = log.hours(5000)
    sums = hours[0][1]
    sums.counts[f"joined\t{ARMS[1]}"] /= 2
    sums.counts[f"gained\t{ARMS[1]}"] /= 2
    bias = policy_report("S", SPEC, "linucb", hours, {}, 0.95).rewarded_bias
    shares = {arm.arm: arm.share for arm in bias.arms}
    assert shares == {ARMS[0]: 1.0, ARMS[1]: pytest.approx(0.5, abs=0.01), ARMS[2]: 1.0}
    assert bias.reweighted is not None and bias.shift == pytest.approx(0.0, abs=1e-9)
    assert bias.model_gain_all == pytest.approx(bias.model_gain_rewarded)


def test_reweighting_takes_a_difference_in_coverage_back() -> None:
    log = Log(noise=0.0)
    full = policy_report("S", SPEC, "linucb", log.hours(50_000), {}, 0.95)
    (hour, thin), (_, rest) = log.hours(25_000)[0], log.hours(25_000)[0]
    # Half of the decisions lose every outcome of the arm that the shadow prefers.
    lost = {name: number for name, number in rest.counts.items() if not name.startswith(("joined", "gained"))}
    only = policy_report("S", SPEC, "linucb", [(hour, thin), (hour, type(rest)(lost))], {}, 0.95)
    assert full.rewarded_bias.reweighted is not None and only.rewarded_bias.reweighted is not None
    assert only.rewarded_bias.reweighted == pytest.approx(full.rewarded_bias.reweighted, abs=1.0)
