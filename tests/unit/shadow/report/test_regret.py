from __future__ import annotations

import numpy as np
import pytest

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.core.off_policy import Moments
from pointsman.core.off_policy.statistics import Statistics
from pointsman.shadow.report.regret import against_best, hourly_samples, regret
from pointsman.shadow.sums.hour_sums import HourSums, add_up
from tests.unit.shadow.report.synthetic_log import ARMS, HOUR, Log, fixed_arms


def test_regret_is_measured_against_the_best_arm_and_the_best_shadow() -> None:
    log = Log(p=(0.6, 0.2, 0.2))
    shadows = {"bold": add_up(sums for _, sums in log.hours(5000)), "same": HourSums()}
    found = regret("S", "linucb", shadows, fixed_arms(log, 5000), RegretConfig(), 0.95)
    truth = 100.0 * (0.6 - np.dot(log.p, log.rewards))
    assert found.against_best_arm is not None and found.against_best_shadow is not None
    assert found.against_best_arm.best == ARMS[1]
    delta = found.against_best_arm.delta
    assert delta.always_valid.low is not None and delta.always_valid.high is not None
    assert delta.always_valid.low < truth < delta.always_valid.high
    assert found.against_best_shadow.best == "bold"
    assert [arm.arm for arm in found.arms] == [ARMS[1], ARMS[0], ARMS[2]]


def test_an_arm_that_is_surely_worse_underperforms_and_the_reason_has_the_numbers() -> None:
    log = Log(p=(0.6, 0.2, 0.2), rewards=(0.5, 0.6, 0.2))
    arms = {arm.arm: arm for arm in regret("S", "a", {}, fixed_arms(log, 5000), RegretConfig(), 0.95).arms}
    assert [arm for arm in ARMS if arms[arm].underperforms] == [ARMS[0], ARMS[2]]
    assert arms[ARMS[2]].why.startswith("would earn ")
    assert ARMS[1] in arms[ARMS[2]].why
    assert arms[ARMS[1]].why == ""


def test_a_margin_forgives_an_arm_that_is_a_little_worse() -> None:
    log = Log(p=(0.6, 0.2, 0.2), rewards=(0.5, 0.6, 0.2))
    found = regret("S", "a", {}, fixed_arms(log, 5000), RegretConfig(margin=15.0), 0.95)
    assert [arm.arm for arm in found.arms if arm.underperforms] == [ARMS[2]]


def test_equal_arms_do_not_underperform_however_often_one_looks() -> None:
    """Seeded. By the sequence's error of 5 % for all looks together, 5 of 40 logs or more would be one chance in 20."""
    wrong = 0
    for seed in range(40):
        log = Log(p=(0.4, 0.3, 0.3), rewards=(0.5, 0.5, 0.5), rng=np.random.default_rng(seed))
        arms: dict[str, list[tuple[int, HourSums]]] = {arm: [] for arm in ARMS}
        alarmed = False
        for look in range(10):
            for a, arm in enumerate(ARMS):
                log.q = tuple(float(a == b) for b in range(3))
                arms[arm] += log.hours(300, 1, HOUR + look)
            found = regret("S", "a", {}, arms, RegretConfig(), 0.95)
            alarmed |= any(arm.underperforms for arm in found.arms)
        wrong += alarmed
    assert wrong < 5


def test_what_the_active_policy_never_chooses_is_compared_with_nothing() -> None:
    log = Log(p=(0.5, 0.5, 0.0), q=(0.2, 0.4, 0.4))
    found = regret("S", "a", {"bold": add_up(sums for _, sums in log.hours(5000))}, {}, RegretConfig(), 0.95)
    assert found.against_best_shadow is None
    found = regret("S", "a", {}, fixed_arms(log, 5000), RegretConfig(), 0.95)
    arms = {arm.arm: arm for arm in found.arms}
    assert (arms[ARMS[2]].low, arms[ARMS[2]].underperforms) == (None, False)
    assert arms[ARMS[0]].low is not None
    assert found.against_best_arm is not None and found.against_best_arm.best != ARMS[2]


def test_an_arm_of_the_hard_requests_only_is_judged_by_what_it_gains_on_them() -> None:
    easy = fixed_arms(Log(p=(0.6, 0.2, 0.2), rewards=(0.8, 0.8, 0.8)), 5000)
    hard = fixed_arms(Log(p=(0.6, 0.2, 0.2), rewards=(0.2, 0.2, 0.2)), 3000)
    arms = {**easy, ARMS[2]: hard[ARMS[2]]}
    assert not any(arm.underperforms for arm in regret("S", "a", {}, arms, RegretConfig(), 0.95).arms)


def test_an_arm_with_little_data_is_not_judged() -> None:
    found = regret("S", "a", {}, fixed_arms(Log(rewards=(0.9, 0.1, 0.1)), 60), RegretConfig(), 0.95)
    assert not any(arm.underperforms for arm in found.arms)
    assert all(arm.low is None for arm in found.arms if arm.effective_sample_size < 50)


def test_the_interval_of_the_best_of_many_allows_for_having_looked_for_it() -> None:
    """Of twenty shadows that are all equal to the active policy, the best looks better; its interval must hold 0."""
    log = Log(p=(0.4, 0.3, 0.3), q=(0.3, 0.4, 0.3), rewards=(0.5, 0.5, 0.5))
    candidates = {str(at): add_up(sums for _, sums in log.hours(2000)) for at in range(20)}
    found = against_best(candidates, 0.95)
    assert found is not None
    assert found.delta.estimate is not None and found.delta.estimate > 0.0
    assert found.delta.low is not None and found.delta.low < 0.0 < (found.delta.high or 0.0)


def test_nothing_to_be_compared_with_is_no_regret() -> None:
    assert against_best({}, 0.95) is None
    assert against_best({"new": HourSums()}, 0.95) is None
    assert regret("S", "a", {}, {}, RegretConfig(), 0.95).arms == []


def hour(reward: float, weight: float = 2.0) -> HourSums:
    vector = np.array([[1.0, weight, weight * reward, 0.0, reward, 0.0, 0.0, 0.0]])
    return HourSums({}, Statistics(reward=Moments.from_vectors(vector)))


def worse_in(hours: int, of: int) -> dict[str, list[tuple[int, HourSums]]]:
    """Arm ``bad`` is 20 % below ``good`` in some hours, and level in the others."""
    return {
        "good": [(at, hour(0.5)) for at in range(of)],
        "bad": [(at, hour(0.4 if at < hours else 0.5)) for at in range(of)],
    }


@pytest.mark.parametrize(
    ("worse", "of", "underperforms"),
    [(3, 5, True), (4, 4, False), (3, 6, False), (4, 6, True), (0, 20, False)],
)
def test_the_rule_of_shares_wants_over_half_of_at_least_five_hours(worse: int, of: int, underperforms: bool) -> None:
    found = regret("S", "a", {}, worse_in(worse, of), RegretConfig(rule="share"), 0.95)
    arms = {arm.arm: arm for arm in found.arms}
    assert (arms["bad"].samples, arms["bad"].worse_samples) == (of, worse)
    assert arms["bad"].underperforms is underperforms
    assert not arms["good"].underperforms


def test_an_hour_in_which_only_one_arm_has_rewards_is_no_sample() -> None:
    arms = worse_in(3, 5)
    arms["good"] += [(99, hour(1.0)), (100, hour(0.9, weight=0.0))]
    arms["bad"].append((100, hour(0.1)))
    assert hourly_samples(arms, 0.1)["good"].samples == 5


def test_ten_percent_worse_exactly_is_not_worse_by_more() -> None:
    arms = {"good": [(1, hour(0.5))], "bad": [(1, hour(0.45))]}
    assert hourly_samples(arms, 0.1)["bad"].worse == 0
    assert hourly_samples(arms, 0.09)["bad"].worse == 1
