"""What a tier did, added up by hour and by minutes."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.activity import add_activity, add_earnings
from pointsman.shadow.sums.hour_sums import Hours
from tests.support.factories import make_reward
from tests.support.logged_decisions import TIER, logged

NOW_MS = 5 * HOUR_MS + 30 * 60_000


def at(sequence: int, at_ms: int, served: int = 1, *, explored: bool = False, pinned: bool = False) -> LoggedDecision:
    decision = logged(sequence, served=served, pinned=pinned)
    event = msgspec.structs.replace(decision.event, explored=explored, decided_at_ms=at_ms - 3)
    return decision._replace(at_ms=at_ms, event=event)


def reward(decision: LoggedDecision, value: float, cost_usd: float | None, accepted_at_ms: int) -> RewardEvent:
    event = decision.event
    arm = {"decision_id": decision.decision_id, "provider": event.provider, "model": event.model}
    return make_reward(1, TIER, **arm, reward=value, quality=value, cost_usd=cost_usd, accepted_at_ms=accepted_at_ms)


def test_each_decision_counts_in_its_hour_and_in_its_minutes_also_a_pinned_one() -> None:
    hours: Hours = {}
    begin = 5 * HOUR_MS
    decisions = [at(1, begin, explored=True), at(2, begin + 59_999, 0, pinned=True), at(3, begin + 60_000)]
    add_activity(hours, decisions, NOW_MS)
    whole = hours[activity.HOURS, 5].counts
    assert dict(whole) == {"decisions": 3, "served\tp:b": 2, "served\tp:a": 1, "explored": 1, "pinned": 1}
    assert {key[1] - 300 for key in hours if key[0] == activity.MINUTES} == {0, 1}
    assert hours[activity.MINUTES, 300].counts["decisions"] == 2
    assert hours[activity.MINUTES, 301].counts == {"decisions": 1, "served\tp:b": 1}
    assert hours[activity.FIVE_MINUTES, 60].counts == whole


def test_a_reward_counts_where_its_decision_is() -> None:
    hours: Hours = {}
    first, second = at(1, 5 * HOUR_MS), at(2, 5 * HOUR_MS + 1000)
    rewarded = [(first, reward(first, 80.0, 0.25, 5 * HOUR_MS + 1997)), (second, reward(second, 60.0, None, 0))]
    add_earnings(hours, rewarded, NOW_MS)
    counts = hours[activity.HOURS, 5].counts
    assert counts == hours[activity.MINUTES, 300].counts == hours[activity.FIVE_MINUTES, 60].counts
    assert counts["joined\tp:b"] == 2
    assert counts["earned\tp:b"] == pytest.approx(1.4)
    assert counts["earned-square\tp:b"] == pytest.approx(0.64 + 0.36)
    assert (counts["priced\tp:b"], counts["paid\tp:b"]) == (1, 0.25)
    assert counts["delayed\tp:b"] == pytest.approx(2.0)  # the second does not have a time of acceptance


def test_what_is_older_than_minutes_are_kept_counts_in_its_hour_only() -> None:
    hours: Hours = {}
    minutes_ms, fives_ms = (activity.SHORT[kept].kept_s * 1000 for kept in (activity.MINUTES, activity.FIVE_MINUTES))
    old = at(1, NOW_MS - fives_ms)
    add_activity(hours, [old], NOW_MS)
    add_earnings(hours, [(old, reward(old, 50.0, None, NOW_MS))], NOW_MS)
    assert {identity for identity, _ in hours} == {activity.HOURS}
    add_activity(hours, [at(2, NOW_MS - fives_ms + 1), at(3, NOW_MS - minutes_ms)], NOW_MS)
    assert {identity for identity, _ in hours} == {activity.HOURS, activity.FIVE_MINUTES}
    add_activity(hours, [at(4, NOW_MS - minutes_ms + 1)], NOW_MS)
    assert {identity for identity, _ in hours} == {activity.HOURS, activity.FIVE_MINUTES, activity.MINUTES}


def test_the_sums_of_an_arm_are_found_by_its_name_whatever_is_in_it() -> None:
    hours: Hours = {}
    decision = logged(1, arms=("p:a", "q:c/1.5:free", "p:b"))
    add_activity(hours, [decision], NOW_MS)
    assert hours[activity.HOURS, 5].arms() == {"q:c/1.5:free": {"served": 1.0}}
