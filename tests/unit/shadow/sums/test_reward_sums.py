"""Joining outcomes with distributions: the statistics that estimates are made from."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.shadow.evaluation.decision_group import DecisionGroup, LoggedDecision, group_decisions
from pointsman.shadow.evaluation.draws import decision_keys
from pointsman.shadow.report.cost import cost_delta
from pointsman.shadow.report.intervals import difference
from pointsman.shadow.sums.hour_sums import Hours, Outcome
from pointsman.shadow.sums.reward_sums import MAX_WEIGHT, GroupOutcomes, fixed_arm_sums, join, join_arms, join_stateless
from pointsman.shadow.sums.runs import Run, covered
from tests.support.logged_decisions import ARMS, TIER, logged, shadow


def only(decisions: list[LoggedDecision]) -> DecisionGroup:
    """Return the one group that these decisions make."""
    (group,) = group_decisions(decisions)
    return group


def outcomes_of(*numbers: tuple[float, float, float | None]) -> GroupOutcomes:
    """Return outcomes of (reward, quality, cost)."""
    return GroupOutcomes.from_events(
        [
            RewardEvent(
                decision_id="T.1.0",
                tier=TIER,
                provider="p",
                model="a",
                outcome_sequence=1,
                reward=reward,
                quality=quality,
                cost_usd=cost,
            )
            for reward, quality, cost in numbers
        ]
    )


def test_one_decision_by_hand() -> None:
    hours: Hours = {}
    group = only([logged(1, means=(0.2, 0.9, 0.4), probabilities=(0.1, 0.8, 0.1), served=0, costs=(0.01, 0.02, 0.03))])
    join(hours, "s@1", group, outcomes_of((50.0, 70.0, 0.04)), np.array([0]), np.array([[0.3, 0.7, 0.0]]), None)
    sums = hours["s@1", 5]
    w, gq, gp = 3.0, 0.3 * 0.2 + 0.7 * 0.9, 0.02 + 0.72 + 0.04
    assert sums.statistics.reward.matrix[0] == pytest.approx([1, w, w * 0.5, w * 0.2, 0.5, 0.2, gq, gp])
    assert sums.statistics.quality.matrix[0] == pytest.approx([1, w, w * 0.7, w * 0.2, 0.7, 0.2, gq, gp])
    cost_q, cost_p = 0.003 + 0.014, 0.001 + 0.016 + 0.003
    assert sums.statistics.cost.matrix[0] == pytest.approx([1, w, w * 0.04, w * 0.01, 0.04, 0.01, cost_q, cost_p])
    assert sums.counts == pytest.approx(
        {
            "joined\tp:a": 1.0,
            "gained\tp:a": gq - gp + w * 0.5 - w * 0.2 - 0.5 + 0.2,
            "rated\tp:a": 1.0,
            "priced\tp:a": 1.0,
            "reward-square\tp:a": 0.09,
            "quality-square\tp:a": 0.25,
            "cost-square\tp:a": 0.0009,
            "spread\tp:a": 0.1 * 2.0**2,
            "spread\tp:b": 0.8 * 0.125**2,
            "spread\tq:c": 0.1,
        }
    )
    assert sums.bound == pytest.approx(3.0)
    assert sums.rewarded == 1


def test_a_quality_that_no_outcome_reports_is_in_no_sum() -> None:
    hours: Hours = {}
    group = only([logged(1, served=0), logged(2, served=0)])
    event = RewardEvent(
        decision_id="T.1.0", tier=TIER, provider="p", model="a", outcome_sequence=1, reward=40.0, quality=40.0
    )
    outcomes = GroupOutcomes.from_events([event, msgspec.structs.replace(event, quality=50.0, quality_reported=False)])
    join(hours, "s@1", group, outcomes, np.arange(2), group.p, None)
    sums = hours["s@1", 5]
    assert (sums.statistics.reward.count, sums.statistics.quality.count) == (2.0, 1.0)
    assert (sums.statistics.quality.sum("y"), sums.counts["rated\tp:a"], sums.counts["joined\tp:a"]) == (0.4, 1.0, 2.0)


def test_choosing_an_arm_that_fails_is_no_saving() -> None:
    """It reports no cost while the others do; a single answer later gives it one."""
    hours: Hours = {}
    half = (0.5, 0.5, 0.0)
    failing = [
        logged(at, probabilities=half, served=at % 2, costs=(None, 0.01, 0.01), pulls=30) for at in range(1, 201)
    ]
    answering = [logged(at, probabilities=half, served=0, costs=(None, 0.01, 0.01), pulls=30) for at in range(201, 203)]
    group = only(failing + answering)
    outcomes = outcomes_of(*((50.0, 50.0, 0.01 if at % 2 or at > 200 else None) for at in range(1, 203)))
    always_first = np.tile([1.0, 0.0, 0.0], (202, 1))
    join(hours, "s@1", group, outcomes, np.arange(202), always_first, None)
    sums = hours["s@1", 5]
    assert sums.by_arm("priced") == {"p:a": 2.0, "p:b": 100.0}
    assert sums.by_arm("silent") == {"p:a": 102.0}
    assert difference(sums, "cost").estimate == pytest.approx(-0.01, rel=0.1)  # it seems to save everything
    claimed = cost_delta(sums, {"p:a": 0.01, "p:b": 0.01}, 0.95)
    assert (claimed.cost_delta_usd, claimed.cost_unknown) == (None, ["p:a"])


def test_a_policy_that_is_the_active_one_gains_nothing() -> None:
    hours: Hours = {}
    decisions = [logged(at, served=at % 3) for at in range(1, 20)]
    group = only(decisions)
    outcomes = outcomes_of(*((float(at * 5), 50.0, None) for at in range(1, 20)))
    join(hours, "s@1", group, outcomes, np.arange(19), group.p, None)
    counts = hours["s@1", 5].counts
    assert sum(value for name, value in counts.items() if name.startswith("gained")) == pytest.approx(0.0, abs=1e-12)
    assert sum(value for name, value in counts.items() if name.startswith("joined")) == 19
    # No outcome reports a cost.
    assert hours["s@1", 5].statistics.cost.count == 0.0


def test_a_weight_above_the_clip_is_cut_and_counted() -> None:
    hours: Hours = {}
    group = only([logged(1, served=0), logged(2, served=1)])
    q = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    join(hours, "s@1", group, outcomes_of((50.0, 50.0, None), (50.0, 50.0, None)), np.array([0, 1]), q, 4.0)
    sums = hours["s@1", 5]
    assert sums.statistics.clipped == 1.0
    assert sums.statistics.clipped_mass == pytest.approx(6.0)
    assert sums.statistics.reward.sum("w") == pytest.approx(4.0 + 1.25)
    assert sums.bound == 4.0


def test_a_weight_beyond_all_reason_does_not_drown_the_sums() -> None:
    hours: Hours = {}
    group = only([logged(1, probabilities=(1e-300, 1.0, 0.0), served=0)])
    join(hours, "s@1", group, outcomes_of((50.0, 50.0, None)), np.array([0]), np.array([[1.0, 0.0, 0.0]]), None)
    assert np.isfinite(hours["s@1", 5].statistics.flat()).all()
    assert hours["s@1", 5].statistics.reward.sum("w") == MAX_WEIGHT
    assert hours["s@1", 5].statistics.clipped == 1.0


def test_a_propensity_that_the_scores_contradict_stays_finite() -> None:
    # Only an event of another writer is like this: its propensity was checked to be above 0, its score was not.
    decision = logged(1, probabilities=(0.5, 0.5, 0.0), served=2)
    group = only([decision._replace(event=msgspec.structs.replace(decision.event, propensity=0.25))])
    assert group.p.tolist() == [[0.5, 0.5, 0.25]]
    hours: Hours = {}
    join_arms(hours, ARMS, group, outcomes_of((50.0, 50.0, None)), None)
    assert all(np.isfinite(sums.statistics.flat()).all() for sums in hours.values())


def test_always_choosing_an_arm_counts_where_the_arm_is_a_candidate() -> None:
    hours: Hours = {}
    group = only(
        [
            logged(1, (0.5, 0.6), (0.25, 0.75), 0, arms=("p:a", "q:c")),
            logged(2, (0.5, 0.6), (0.0, 1.0), 1, arms=("p:a", "q:c")),
        ]
    )
    join_arms(hours, ARMS, group, outcomes_of((80.0, 80.0, None), (20.0, 20.0, None)), None)
    assert hours.keys() == {("@arm:p:a", 5), ("@arm:q:c", 5), ("@uniform", 5)}
    first = hours["@arm:p:a", 5]
    assert first.statistics.reward.sum("wy") == pytest.approx(4.0 * 0.8)
    assert first.counts["unsupported"] == 1.0
    assert "unsupported" not in hours["@arm:q:c", 5].counts
    uniform = hours["@uniform", 5]
    assert uniform.statistics.reward.sum("wy") == pytest.approx(2.0 * 0.8 + 0.5 * 0.2)
    assert uniform.counts["unsupported"] == 0.5


def test_what_fixed_arms_share_is_kept_once_and_put_together_again() -> None:
    rng = np.random.default_rng(3)
    draws = [rng.dirichlet(np.ones(3)) for _ in range(40)]
    decisions = [logged(at + 1, probabilities=tuple(p), served=at % 3) for at, p in enumerate(draws)]
    group = only(decisions)
    outcomes = outcomes_of(*((float(rng.uniform(0, 100)), 50.0, 0.01 if at % 2 else None) for at in range(40)))
    hours: Hours = {}
    join_arms(hours, group.names, group, outcomes, 20.0)
    any_arm = hours["@uniform", 5]
    for at, arm in enumerate(group.names):
        assert len(hours[f"@arm:{arm}", 5].counts) == 1
        found = fixed_arm_sums(arm, hours[f"@arm:{arm}", 5], any_arm)
        whole: Hours = {}
        q = np.zeros(group.p.shape)
        q[:, at] = 1.0
        join(whole, "whole", group, outcomes, np.arange(40), q, 20.0)
        expected = whole["whole", 5]
        kinds: tuple[Outcome, ...] = ("reward", "quality", "cost")
        for outcome in kinds:
            assert found.arm_errors(outcome).keys() == expected.arm_errors(outcome).keys()
            for other, errors in expected.arm_errors(outcome).items():
                assert found.arm_errors(outcome)[other] == pytest.approx(errors)


def test_one_candidate_is_joined_with_weight_one() -> None:
    hours: Hours = {}
    run = shadow()
    group = only([logged(1, (0.5,), (1.0,), 0, arms=("p:a",))])
    join_stateless(hours, run, group, outcomes_of((80.0, 80.0, None)), np.array([0]), None)
    assert hours[run.identity, 5].statistics.reward.sum("w") == 1.0
    assert hours[run.identity, 5].counts["joined\tp:a"] == 1.0
    assert not any(name.startswith(("gained", "spread")) for name in hours[run.identity, 5].counts)


def test_what_the_policy_failed_on_is_not_joined() -> None:
    hours: Hours = {}
    join_stateless(
        hours, shadow("no-such-thing"), only([logged(1)]), outcomes_of((80.0, 80.0, None)), np.array([0]), None
    )
    assert hours == {}


def test_a_decision_counts_for_the_run_that_it_is_in() -> None:
    sequences = np.array([3, 5, 8, 9, 12, 20])
    keys = decision_keys([f"T.{at}.{at:016x}" for at in sequences])
    runs = [Run(3, 8, 1.0, False), Run(9, 12, 1.0, True), Run(15, None, 1.0, False)]
    found = covered(shadow(), runs, sequences, keys)
    assert (found.stateless.tolist(), found.stateful.tolist()) == ([1, 2, 5], [4])


def test_the_share_that_counts_is_the_one_of_then() -> None:
    sequences = np.arange(1, 1001)
    keys = decision_keys([f"T.{at}.{at:016x}" for at in sequences])
    now, then = shadow(sample=1.0), shadow(sample=0.25)
    found = covered(now, [Run(0, None, 0.25, False)], sequences, keys)
    assert found.stateless.tolist() == np.flatnonzero(then.sampled(keys, 0.25)).tolist()
    assert 150 < len(found.stateless) < 350
