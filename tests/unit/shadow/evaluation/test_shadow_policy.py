"""Running shadows on logged decisions, many at a time."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import shadow_decoder
from pointsman.core.bandit import Estimates, FloatArray, sample
from pointsman.shadow.evaluation.decision_group import DecisionGroup, LoggedDecision, group_decisions
from pointsman.shadow.evaluation.draws import DRAW, SAMPLE, decision_keys, policy_key, uniforms
from pointsman.shadow.evaluation.shadow_policy import Evaluation, ShadowPolicy, evaluate
from pointsman.shadow.sums.decision_sums import add_decisions
from pointsman.shadow.sums.hour_sums import Hours
from pointsman_shadow_evaluator.decisions.event_encoding import encode_events
from tests.support.logged_decisions import ARMS, logged, shadow


def evaluated(run: ShadowPolicy, decisions: list[LoggedDecision]) -> Hours:
    """Return the sums of a shadow over decisions."""
    hours: Hours = {}
    for group in group_decisions(decisions):
        add_decisions(hours, run.identity, group, evaluate(run, group, group.estimates))
    return hours


def only(decisions: list[LoggedDecision]) -> DecisionGroup:
    """Return the one group that these decisions make."""
    (group,) = group_decisions(decisions)
    return group


def test_decisions_among_other_candidates_are_other_groups_and_none_is_lost() -> None:
    decisions = [
        logged(1),
        logged(2, arms=("p:b", "p:a", "q:c")),
        logged(3),
        logged(4, (0.5,), (1.0,), 0, arms=("p:a",)),
    ]
    groups = group_decisions(decisions)
    assert [group.places.tolist() for group in groups] == [[0, 2], [1], [3]]
    assert [group.names for group in groups] == [list(ARMS), ["p:b", "p:a", "q:c"], ["p:a"]]
    assert [decision for group in groups for decision in group.decisions] == [decisions[at] for at in (0, 2, 1, 3)]


def test_a_decision_that_a_conversation_made_is_in_no_group() -> None:
    groups = group_decisions([logged(1, pinned=True), logged(2)])
    assert [group.places.tolist() for group in groups] == [[1]]


def test_arrays_equal_the_log() -> None:
    group = only([logged(1, costs=(0.1, None, 0.3)), logged(2, means=(-0.5, 2.0, 0.5), served=2)])
    assert group.p.tolist() == [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]
    assert group.model.tolist() == [[0.2, 0.9, 0.4], [0.0, 1.0, 0.5]]
    assert group.chosen.tolist() == [1, 2]
    np.testing.assert_array_equal(group.estimates.cost_usd[0], [0.1, np.nan, 0.3])
    # While a cost is unknown, no candidate has a predicted cost.
    assert group.cost_model().tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert only([logged(1, costs=(0.1, 0.2, 1e9))]).cost_model().tolist() == [[0.1, 0.2, 1e6]]


def test_sums_are_by_the_hour_of_the_log() -> None:
    run = shadow("static:p:a")
    hours = evaluated(run, [logged(1, hour=5), logged(2, hour=6), logged(3, hour=5, served=0)])
    assert hours.keys() == {(run.identity, 5), (run.identity, 6)}
    assert hours[run.identity, 5].counts == pytest.approx(
        {
            "decisions": 2.0,
            "agreed": 1.0,
            "agreement": 0.2,
            "gain": 2 * (0.2 - (0.02 + 0.72 + 0.04)),
            "pair\tp:b\tp:a": 1.0,
            "served\tp:a": 1.0,
            "served\tp:b": 1.0,
            "active\tp:a": 0.2,
            "active\tp:b": 1.6,
            "active\tq:c": 0.2,
            "shadow\tp:a": 2.0,
        }
    )


def test_what_could_not_have_been_served_is_unsupported() -> None:
    run = shadow("uniform")
    hours = evaluated(run, [logged(1, probabilities=(0.0, 1.0, 0.0)), logged(2)])
    assert hours[run.identity, 5].counts["unsupported"] == pytest.approx(2 / 3)


def test_events_contain_the_evaluation() -> None:
    run = shadow("static:q:c")
    group = only([logged(1, costs=(0.1, 0.2, 0.5)), logged(2, costs=(0.1, None, 0.5), served=2)])
    first, second = (
        shadow_decoder.decode(data) for data in encode_events(run, group, evaluate(run, group, group.estimates))
    )
    assert (first.decision_id, first.policy, first.policy_version) == (group.decisions[0].decision_id, "s", 3)
    assert (first.active, first.shadow, first.agree, first.probabilities) == ("p:b", "q:c", False, [0.0, 0.0, 1.0])
    assert first.expected_cost_delta_usd == pytest.approx(0.5 - (0.01 + 0.16 + 0.05))
    assert (second.agree, second.expected_cost_delta_usd) == (True, None)


@given(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.none() | st.floats(0.0, 1e6)), min_size=1, max_size=20),
    st.sampled_from(["uniform", "static:p:a", "cheapest", "no-such-thing"]),
    st.sampled_from(["p:a", 'p:"quoted" \\ and / so', "p:ünïcødé"]),
)
def test_events_are_what_the_encoder_makes_of_them_to_the_byte(
    numbers: list[tuple[float, float | None]], algorithm: str, third: str
) -> None:
    run = shadow(algorithm)
    decisions = [
        logged(at + 1, (mean, 0.5, 0.1), costs=(cost, 0.1, 0.2), served=at % 3, arms=("p:b", "q:c", third))
        for at, (mean, cost) in enumerate(numbers)
    ]
    group = only(decisions)
    for data in encode_events(run, group, evaluate(run, group, group.estimates)):
        assert encode(shadow_decoder.decode(data)) == data


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40))
def test_evaluating_many_at_once_is_evaluating_one_by_one(means: list[float]) -> None:
    run = ShadowPolicy(msgspec.structs.replace(shadow().spec, parameters={"epsilon": 0.4}), 1)
    decisions = [logged(at + 1, means=(mean, 0.5, 1.0 - mean)) for at, mean in enumerate(means)]
    group = only(decisions)
    together = encode_events(run, group, evaluate(run, group, group.estimates))
    alone = [
        data
        for decision in decisions
        for data in encode_events(run, only([decision]), evaluate_one(run, only([decision])))
    ]
    assert together == alone


def evaluate_one(run: ShadowPolicy, group: DecisionGroup) -> Evaluation:
    return evaluate(run, group, group.estimates)


def test_the_draw_is_that_of_the_distribution_and_the_number() -> None:
    run = shadow("uniform")
    group = only([logged(at) for at in range(1, 200)])
    made = evaluate(run, group, group.estimates)
    numbers = uniforms(group.keys[:, DRAW], policy_key(run.identity)).tolist()
    assert made.candidate.tolist() == [sample([1 / 3] * 3, 1.0, u).candidate for u in numbers]


class Picky:
    """Raises for some, returns what is no distribution for others."""

    alpha = 0.0
    exploration = 0.0

    def probabilities(self, estimates: Estimates) -> FloatArray:
        if (estimates.mean[:, 0] > 0.7).any():
            raise LookupError("too good")
        q = np.full(estimates.mean.shape, 1.0 / estimates.mean.shape[1])
        q[estimates.mean[:, 0] < 0.1] = np.nan
        return q


def test_only_what_a_policy_cannot_do_is_an_error() -> None:
    run = shadow()
    run.policy = Picky()
    decisions = [logged(at + 1, means=(mean, 0.5, 0.5)) for at, mean in enumerate((0.2, 0.9, 0.05, 0.3, 0.95))]
    group = only(decisions)
    made = evaluate(run, group, group.estimates)
    assert sorted(made.distributions.failed) == [1, 2, 4]
    counts = evaluated(run, decisions)[run.identity, 5].counts
    assert (counts["errors"], counts["decisions"]) == (3.0, 2.0)
    assert all(np.isfinite(value) for value in counts.values())
    events = [shadow_decoder.decode(data) for data in encode_events(run, group, made)]
    assert [event.error for event in events] == [
        None,
        "LookupError: too good",
        "DistributionError: expected finite probabilities that sum to 1",
        None,
        "LookupError: too good",
    ]
    assert (events[1].shadow, events[1].probabilities, events[1].agree) == (None, [], False)


def test_a_policy_that_cannot_be_built_fails_everywhere() -> None:
    run = shadow("no-such-thing")
    counts = evaluated(run, [logged(1), logged(2)])[run.identity, 5].counts
    assert counts == {"errors": 2.0}


def test_estimates_that_are_no_numbers_are_an_error_and_not_the_first_candidate() -> None:
    run = shadow()
    group = only([logged(1), logged(2), logged(3)])
    mean = group.estimates.mean.copy()
    mean[1, 0] = np.nan
    made = run.distributions(group.estimates._replace(mean=mean))
    assert list(made.failed) == [1]
    assert made.q[[0, 2]].tolist() == [[0.0, 1.0, 0.0]] * 2


def test_a_shadow_is_run_on_its_share_and_a_larger_share_has_the_same_ones_in_it() -> None:
    group = only([logged(at) for at in range(1, 4001)])
    some, more = (evaluate(shadow(sample=share), group, group.estimates).rows.tolist() for share in (0.2, 0.6))
    # Binomial; five standard deviations, so that chance fails this once in a million choices of the hash.
    assert abs(len(some) - 800) < 5 * 25.3
    assert abs(len(more) - 2400) < 5 * 31.0
    assert set(some) < set(more)


def test_numbers_of_policies_and_of_purposes_have_nothing_in_common() -> None:
    keys = decision_keys([f"T.{at}.{at:016x}" for at in range(1, 5001)])
    numbers = [uniforms(keys[:, at], policy_key(name)) for name in ("a@1", "b@1") for at in (DRAW, SAMPLE)]
    assert all(((u >= 0.0) & (u < 1.0)).all() for u in numbers)
    # Standard error of a correlation of 5000 is 0.014.
    correlations = np.corrcoef(numbers) - np.eye(4)
    assert np.abs(correlations).max() < 0.07
    assert np.abs(np.mean(numbers, axis=1) - 0.5).max() < 0.02
    again = decision_keys([f"T.{at}.{at:016x}" for at in range(1, 5001)])
    assert (uniforms(again[:, DRAW], policy_key("a@1")) == numbers[0]).all()
