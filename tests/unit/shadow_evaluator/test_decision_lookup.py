from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.shadow.periods import HOUR_MS
from pointsman_shadow_evaluator.rewards.decision_lookup import MAX_SUMS, of_few_hours
from pointsman_shadow_evaluator.rewards.pending_reward import PendingReward
from tests.support.logged_decisions import logged


def rewards_of(hours: list[int | None]) -> list[PendingReward]:
    """Rewards of decisions of these hours; None for a decision that is gone."""
    made = [None if hour is None else logged(at, hour=hour) for at, hour in enumerate(hours, 1)]
    return [PendingReward(at, 0, logged=decision) for at, decision in enumerate(made, 1)]


@given(
    st.lists(st.one_of(st.none(), st.integers(min_value=0, max_value=60)), min_size=1, max_size=200),
    st.integers(min_value=3, max_value=2 * MAX_SUMS),
)
def test_late_rewards_of_many_hours_are_committed_in_order_within_a_bound_on_the_sums(
    hours: list[int | None], sums_an_hour: int
) -> None:
    waiting = rewards_of(hours)
    done: list[PendingReward] = []
    while waiting:
        ready = of_few_hours(waiting, sums_an_hour)
        changed = {one.logged.at_ms // HOUR_MS for one in ready if one.logged is not None}
        days = {hour // 24 for hour in changed}
        assert len(changed) <= 1 or (len(changed) + len(days)) * sums_an_hour <= MAX_SUMS
        assert ready == waiting[: len(ready)] and ready
        done += ready
        waiting = waiting[len(ready) :]
    assert [one.position for one in done] == list(range(1, len(hours) + 1))


def test_with_few_arms_two_days_are_one_commit_and_with_many_a_few_hours() -> None:
    two_days = rewards_of(list(range(48)))
    assert [len(of_few_hours(two_days, sums)) for sums in (8, 20, 68, 1000)] == [48, 19, 4, 1]
