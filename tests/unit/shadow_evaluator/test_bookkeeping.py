"""Runs, picks, seen outcomes and recent decisions: all of it bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.config import Config, TierConfig
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.outcome import RewardEvent
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.runtime.bus import StoredMessage
from pointsman.runtime.store.keys import PICK_CHUNK
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.sums.picks import MAX_GAP, MAX_UNLINKED, expire_picks
from pointsman.shadow.sums.progress import ShadowProgress
from pointsman.shadow.sums.runs import MAX_IDENTITIES, MAX_RUNS, Run, runs_after_batch, truncate_runs
from pointsman_shadow_evaluator.evaluation_state import EvaluationState, RecentDecisions
from pointsman_shadow_evaluator.rewards.pending_reward import MAX_SEEN, SeenOutcomes, decode_reward
from tests.support.factories import make_reward


def named(name: str, stateful: bool = False, sample: float | None = None) -> ShadowPolicy:
    """Return a shadow of that name."""
    return ShadowPolicy(PolicySpec(name=name, algorithm="uniform", sample=sample), 1, stateful)


def follow(steps: list[tuple[int, list[ShadowPolicy]]]) -> dict[str, list[Run]]:
    """Return the runs after batches that begin after these watermarks."""
    runs: dict[str, list[Run]] = {}
    for before, shadows in steps:
        changed = runs_after_batch(runs, shadows, before)
        runs = {name: known for name, known in {**runs, **changed}.items() if known}
    return runs


def test_a_shadow_that_is_removed_and_put_back_has_two_runs() -> None:
    a, b = named("a"), named("b")
    runs = follow([(10, [a]), (20, [a, b]), (30, [b]), (40, [b]), (50, [a, b])])
    assert runs == {
        a.identity: [Run(10, 30), Run(50, None)],
        b.identity: [Run(20, None)],
    }


def test_another_share_or_another_kind_of_estimates_is_another_run() -> None:
    steps = [(10, [named("a")]), (20, [named("a", sample=0.5)]), (30, [named("a", stateful=True)])]
    assert follow(steps)[named("a").identity] == [Run(10, 20), Run(20, 30, 0.5), Run(30, None, 1.0, True)]


def test_nothing_changes_while_the_shadows_stay() -> None:
    runs = follow([(10, [named("a")])])
    assert runs_after_batch(runs, [named("a")], 20) == {}


def test_runs_and_policies_are_remembered_up_to_a_bound() -> None:
    steps = [(at, [named("a")] if at % 2 else []) for at in range(1, 200)]
    assert len(follow(steps)[named("a").identity]) == MAX_RUNS
    many = follow([(at, [named(f"n{at}")]) for at in range(1, 2 * MAX_IDENTITIES)])
    assert len(many) == MAX_IDENTITIES
    assert named(f"n{2 * MAX_IDENTITIES - 1}").identity in many


def test_runs_end_where_a_log_that_was_put_back_ends() -> None:
    runs = {"a": [Run(10, 30), Run(40, None)], "b": [Run(60, None)], "c": [Run(5, 12)], "d": [Run(5, 90), Run(95, 99)]}
    assert truncate_runs(runs, 50) == {"b": [], "d": [Run(5, 50)]}


def test_old_picks_go_chunk_by_chunk_and_are_forgotten_at_last() -> None:
    progress = ShadowProgress(runs={"p": [Run(0, 5 * PICK_CHUNK)]}, picks_from={"p": 0})
    assert expire_picks(progress, [], PICK_CHUNK * 2, PICK_CHUNK * 2) == ({}, [])
    first, dropped = expire_picks(progress, [], PICK_CHUNK * 5 - 1, PICK_CHUNK * 2)
    assert (first, dropped) == ({"p": 2}, [("p", 0), ("p", 1)])
    progress.apply_first_chunks(first)
    first, dropped = expire_picks(progress, [], PICK_CHUNK * 20, PICK_CHUNK * 2)
    assert (first, dropped[0], dropped[-1]) == ({"p": None}, ("p", 2), ("p", 17))


def test_one_commit_drops_a_bounded_number_of_chunks() -> None:
    progress = ShadowProgress(runs={"p": [Run(0, None)]}, picks_from={"p": 0})
    far = PICK_CHUNK * 5 * MAX_UNLINKED
    first, dropped = expire_picks(progress, [], far, PICK_CHUNK)
    assert (first, len(dropped)) == ({"p": MAX_UNLINKED}, MAX_UNLINKED)
    # Over a gap that a log that was created again leaves, chunks are left to expire.
    first, dropped = expire_picks(progress, [], far + PICK_CHUNK * 2 * MAX_GAP, PICK_CHUNK)
    assert dropped == []
    assert (first["p"] or 0) > MAX_GAP


def test_the_first_pick_determines_where_picks_begin() -> None:
    picks = [("p", PICK_CHUNK * 7 + 3), ("p", PICK_CHUNK * 8), ("q", PICK_CHUNK * 8)]
    assert expire_picks(ShadowProgress(), picks, PICK_CHUNK * 9, 10**6) == ({"p": 7, "q": 8}, [])
    known = ShadowProgress(picks_from={"p": 2}, runs={"p": [Run(0, None)]})
    assert expire_picks(known, picks[:2], PICK_CHUNK * 9, 10**6) == ({}, [])


def reward(sequence: int, complete: int, **changed: Any) -> RewardEvent:
    """Return a reward of the stream."""
    return make_reward(**{"sequence": sequence, "complete_through": complete, **changed})


def test_a_reward_that_comes_again_is_known() -> None:
    seen = SeenOutcomes(0, set())
    events = [(1, 0), (2, 0), (1, 0), (4, 2), (2, 0), (4, 2), (9, 4), (9, 4), (1, 0)]
    assert [seen.add(reward(*numbers)) for numbers in events] == [
        True, True, False, True, False, False, True, False, False,
    ]  # fmt: skip
    assert (seen.complete, seen.above) == (4, {9})


def test_the_hole_that_half_a_batch_left_is_filled_when_the_batch_comes_again() -> None:
    seen = SeenOutcomes(0, set())
    # 2 and 3 were lost on the way; the whole batch is published again, since it was not committed.
    assert [seen.add(reward(at, 0)) for at in (1, 4, 1, 2, 3, 4, 5)] == [True, True, False, True, True, False, True]


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), max_size=12))
def test_each_outcome_is_new_exactly_once_whatever_part_of_a_batch_comes_first(batches: list[list[bool]]) -> None:
    seen, sequence, new = SeenOutcomes(0, set()), 0, []
    for kept in batches:
        complete = sequence
        batch = list(range(sequence + 1, sequence + len(kept) + 1))
        sequence = batch[-1]
        for part in ([at for at, there in zip(batch, kept, strict=True) if there], batch):
            new += [at for at in part if seen.add(reward(at, complete))]
    assert sorted(new) == list(range(1, sequence + 1))


def test_what_is_remembered_of_outcomes_is_bounded() -> None:
    seen = SeenOutcomes(0, set())
    for at in range(1, MAX_SEEN + 500):
        assert seen.add(reward(at, 0))
    assert len(seen.above) < MAX_SEEN + 1
    assert not seen.add(reward(MAX_SEEN, 0))


def test_outcomes_beyond_the_end_of_a_log_that_was_put_back_are_forgotten() -> None:
    seen = SeenOutcomes(5, {7, 9})
    assert not seen.truncate(9)
    assert seen.truncate(8)
    assert (seen.complete, seen.above) == (5, {7})
    assert seen.truncate(3)
    assert (seen.complete, seen.above) == (3, set())


@pytest.mark.parametrize(
    "changed",
    [
        {"tier": "OTHER"},
        {"decision_id": "OTHER.5.0000000000000005"},
        {"decision_id": "fallback.T.0000000000000005"},
        {"decision_id": f"T.{2**63}.0000000000000005"},
        {"reward": 101.0},
        {"quality": -1.0},
        {"cost_usd": 1e7},
        {"complete_through": 5},
        {"v": 2},
    ],
)
def test_a_reward_that_no_updater_would_write_is_refused(changed: dict[str, object]) -> None:
    message = StoredMessage("rewards.T", encode(reward(5, 0, **changed)), 1, 1)
    with pytest.raises(MessageError):
        decode_reward(message, "T")


def test_recent_decisions_stay_within_their_room() -> None:
    recent = RecentDecisions(max_bytes=1000)
    for at in range(1, 50):
        recent.add(StoredMessage("s", b"x" * 100, at, 1))
    assert [at for at in range(1, 50) if recent.get(at)] == list(range(40, 50))
    recent.add(StoredMessage("s", b"y" * 950, 41, 1))
    assert [at for at in range(1, 50) if recent.get(at)] == [41]
    recent.add(StoredMessage("s", b"z" * 2000, 60, 1))
    assert recent.get(60) is None


def tier_state() -> EvaluationState:
    """Return the state of a tier without shadows."""
    tier = TierConfig(name="T", arms=["p:a"])
    return EvaluationState(Config(tier=[tier]), tier)


def test_a_shadow_learns_for_itself_exactly_while_its_rule_differs_from_the_active_one() -> None:
    state = tier_state()
    own = PolicySpec(name="own", algorithm="linucb", lambda_cost=0.9)
    same = PolicySpec(name="same", algorithm="linucb", lambda_cost=0.3)
    forgets = PolicySpec(name="forgets", algorithm="linucb", forgetting=0.99)
    state.set_policies(4, PolicySpec(name="live", algorithm="linucb"), [own, same, forgets])
    assert [shadow.stateful for shadow in state.shadows] == [True, False, True]
    state.set_policies(5, PolicySpec(name="live", algorithm="linucb", lambda_cost=0.9), [own, same, forgets])
    assert [shadow.stateful for shadow in state.shadows] == [False, True, True]
    assert [shadow.version for shadow in state.shadows] == [4, 4, 4]


def test_a_shadow_that_stays_keeps_its_version_and_another_share_takes_effect() -> None:
    state = tier_state()
    live = PolicySpec(name="live", algorithm="linucb")
    state.set_policies(4, live, [PolicySpec(name="a", algorithm="uniform")])
    before = state.shadows[0]
    state.set_policies(5, live, [PolicySpec(name="a", algorithm="uniform"), PolicySpec(name="b", algorithm="uniform")])
    assert state.shadows[0] is before
    state.set_policies(6, live, [PolicySpec(name="a", algorithm="uniform", sample=0.1)])
    assert [(shadow.version, shadow.sample) for shadow in state.shadows] == [(4, 0.1)]
