"""Shadow evaluation in a real store: every batch counts once, and nothing is kept for longer than it is asked for."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pointsman.core.bandit import Arm, ArmState
from pointsman.core.off_policy import Moments, Statistics
from pointsman.learning.tier_store import encode_arm
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from pointsman.shadow.own_learning.learned_store import LearnedState, LearnedStore
from pointsman.shadow.sums import activity, progress
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman.shadow.sums.runs import Run
from pointsman.shadow.sums.store import ShadowStore

TIER = "SIMPLE"


def counted(expected: int, reached: int, sums: dict[tuple[str, int], dict[str, float]]) -> ShadowCommit:
    """Return a commit of the decisions' reader that adds these counts."""
    hours = {key: HourSums(counts=counts) for key, counts in sums.items()}
    return ShadowCommit(progress.WATERMARK, expected, reached, hours=hours)


def statistics(seed: int) -> Statistics:
    """Return the statistics of some outcomes."""
    rng = np.random.default_rng(seed)
    reward, quality, cost = (Moments.from_vectors(rng.normal(size=(5, 8))) for _ in range(3))
    return Statistics(reward, quality, cost, 1.0, rng.random())


async def test_shadow_sums_are_added_exactly_once(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    assert await shadow.watermark() == 0
    sums = {("greedy@1", 500): {"decisions": 2.0, "active\tp:m": 0.975}, ("other@2", 501): {"errors": 1.0}}
    assert await shadow.commit(counted(0, 8, sums)) == (True, 8)
    assert await shadow.commit(counted(0, 8, sums)) == (False, 8)
    assert await shadow.commit(counted(7, 9, sums)) == (False, 8)
    more = {("greedy@1", 500): {"decisions": 3.0, "agreed": 1.0}}
    assert await shadow.commit(counted(8, 12, more)) == (True, 12)
    assert await shadow.watermark() == 12
    assert [(hour, sums.counts) for hour, sums in await shadow.read("greedy@1", range(498, 503))] == [
        (500, {"decisions": 5.0, "active\tp:m": 0.975, "agreed": 1.0})
    ]
    assert [(hour, sums.counts) for hour, sums in await shadow.read("other@2", range(500, 503))] == [
        (501, {"errors": 1.0})
    ]
    assert await shadow.read("other@2", range(500, 501)) == []


async def test_of_many_evaluators_each_batch_counts_once(store: Store) -> None:
    shadow = ShadowStore(store, TIER)

    async def evaluate() -> None:
        while (before := await shadow.watermark()) < 50:
            await shadow.commit(counted(before, before + 1, {("p@1", 1): {"decisions": 1.0}}))

    await asyncio.gather(*(evaluate() for _ in range(5)))
    ((hour, sums),) = await shadow.read("p@1", range(0, 3))
    assert (hour, sums.counts) == (1, {"decisions": 50.0})


async def test_decisions_and_rewards_have_places_of_their_own(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    assert await shadow.commit(counted(0, 8, {})) == (True, 8)
    assert await shadow.commit(ShadowCommit(progress.REWARDS_AT, 0, 3)) == (True, 3)
    assert await shadow.commit(ShadowCommit(progress.REWARDS_AT, 0, 4)) == (False, 3)
    assert await shadow.commit(counted(8, 9, {})) == (True, 9)
    found = await shadow.progress()
    assert (found.watermark, found.rewards_at) == (9, 3)


async def test_statistics_add_up_and_the_largest_bound_stays(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    parts = [HourSums(statistics=statistics(seed), bound=bound) for seed, bound in ((1, 2.5), (2, 40.25), (3, 7.0))]
    for at, part in enumerate(parts):
        commit = ShadowCommit(progress.REWARDS_AT, at, at + 1, hours={("p@1", 7): part})
        assert (await shadow.commit(commit)).applied
    # A batch of decisions adds to the same hour, and has no statistics.
    await shadow.commit(counted(0, 1, {("p@1", 7): {"decisions": 3.0}}))
    ((_, sums),) = await shadow.read("p@1", range(7, 8))
    total = parts[0] + parts[1] + parts[2]
    # In Lua the numbers are added as doubles in the same order: not a bit may differ.
    assert sums.statistics.flat().tobytes() == total.statistics.flat().tobytes()
    assert sums.bound == 40.25
    assert sums.counts == {"decisions": 3.0}


async def test_statistics_of_another_length_are_replaced(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    await store.redis.hset(keys.shadow_hour(TIER, "p@1", 7), "moments", b"\0" * 16)
    ((_, before),) = await shadow.read("p@1", range(7, 8))
    assert before.statistics.reward.count == 0.0
    await shadow.commit(ShadowCommit(progress.REWARDS_AT, 0, 1, hours={("p@1", 7): HourSums(statistics=statistics(1))}))
    ((_, after),) = await shadow.read("p@1", range(7, 8))
    assert after.statistics.flat().tobytes() == statistics(1).flat().tobytes()


async def test_progress_is_read_back_as_it_was_written(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    runs = [Run(3, 9, 0.25, False), Run(12, None, 1.0, True)]
    written = {
        progress.OUTCOMES: "77",
        progress.REWARDS_LOG: "2026-11-22",
        progress.COMPLETE: "5",
        progress.SEEN: progress.encode_seen({9, 7}),
        **progress.encode_runs({"p@1": runs, "q@1": runs}),
        **progress.encode_first_chunks({"p@1": 4}),
    }
    await shadow.commit(ShadowCommit(progress.WATERMARK, 0, 20, progress=written))
    gone = progress.encode_runs({"q@1": []})
    await shadow.commit(ShadowCommit(progress.WATERMARK, 20, 21, progress=gone))
    found = await shadow.progress()
    assert (found.watermark, found.outcomes, found.complete, found.rewards_log) == (21, 77, 5, "2026-11-22")
    assert (found.seen, found.runs, found.picks_from) == ({7, 9}, {"p@1": runs}, {"p@1": 4})


async def test_picks_are_kept_until_they_are_used_or_dropped(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    picks = {("p@1", at): bytes([at % 256]) * 8 for at in (5, 127, 128, 300)}
    await shadow.commit(ShadowCommit(progress.WATERMARK, 0, 300, picks=picks, keep_picks_s=1000))
    wanted = list(picks)
    assert await shadow.picks([*wanted, ("q@1", 5)]) == [*picks.values(), None]
    assert 0 < await store.redis.ttl(keys.shadow_picks(TIER, "p@1", 0)) <= 1000

    await shadow.commit(ShadowCommit(progress.REWARDS_AT, 0, 1, used=[("p@1", 127)]))
    assert await shadow.picks(wanted) == [picks["p@1", 5], None, picks["p@1", 128], picks["p@1", 300]]
    # A batch that comes too late takes nothing away.
    await shadow.commit(ShadowCommit(progress.REWARDS_AT, 0, 1, used=[("p@1", 5)]))
    await shadow.commit(ShadowCommit(progress.WATERMARK, 300, 301, dropped=[("p@1", 0), ("p@1", 9)]))
    assert await shadow.picks(wanted) == [None, None, picks["p@1", 128], picks["p@1", 300]]
    assert not await store.redis.exists(keys.shadow_picks(TIER, "p@1", 0))


def arm_state(seed: int) -> ArmState:
    """Return an arm that has learned something."""
    rng, state = np.random.default_rng(seed), ArmState.fresh(3)
    for _ in range(4):
        state.observe(rng.normal(size=3), rng.random(), 0.25)
    state.version, state.updated_at_ms = 40 + seed, 1_000 + seed
    return state


async def test_what_a_shadow_learned_is_read_back_to_the_byte(store: Store) -> None:
    own = LearnedStore(store, TIER, "p@1")
    assert await own.load() == LearnedState()
    arms = {Arm("a", "one"): arm_state(1), Arm("b", "two:x"): arm_state(2)}
    first = LearnedState("log rule 1", 41, 1_001, {"cost": [0.0, 1.0]}, arms, {0: b"\x80", 3: b"\x01\x02"})
    assert await own.commit(0, first, arms, 60) == (True, 41)
    # The next commit has one arm and one chunk only; the rest stays.
    arms[Arm("b", "two:x")] = arm_state(3)
    second = LearnedState(
        "log rule 1", 44, 1_004, {"cost": [0.0, 2.0]}, {Arm("b", "two:x"): arm_state(3)}, {3: b"\x07"}
    )
    assert await own.commit(41, second, arms, 60) == (True, 44)
    found = await own.load()
    assert (found.origin, found.watermark, found.watermark_at_ms) == ("log rule 1", 44, 1_004)
    assert found.ranges == {"cost": [0.0, 2.0]}
    assert {arm: encode_arm(state) for arm, state in found.arms.items()} == {
        arm: encode_arm(state) for arm, state in arms.items()
    }
    assert [await own.applied_chunk(at) for at in (0, 1, 3)] == [b"\x80", b"", b"\x07"]
    assert 0 < await store.redis.ttl(keys.shadow_learned(TIER, "p@1")) <= 60


async def test_what_a_shadow_learned_moves_on_from_where_it_is_and_nowhere_else(store: Store) -> None:
    own = LearnedStore(store, TIER, "p@1")
    assert (await own.commit(0, LearnedState("one", 10), [], 60)).applied
    assert await own.commit(0, LearnedState("one", 11), [], 60) == (False, 10)
    assert await own.commit(9, LearnedState("one", 11), [], 60) == (False, 10)
    assert await own.commit(10, LearnedState("two", 11), [], 60) == (False, 10)
    assert (await own.load()).origin == "one"


async def test_another_log_or_rule_begins_from_nothing(store: Store) -> None:
    own = LearnedStore(store, TIER, "p@1")
    await own.commit(
        0, LearnedState("one", 10, arms={Arm("a", "b"): arm_state(1)}, applied={0: b"\xff"}), [Arm("a", "b")], 60
    )
    assert await own.commit(0, LearnedState("two"), [], 60) == (True, 0)
    assert await own.load() == LearnedState("two")
    assert await own.applied_chunk(0) == b""


@pytest.mark.parametrize("identity", ["p@1", "@arm:a:b"])
async def test_hours_expire_after_their_last_change(store: Store, identity: str) -> None:
    shadow = ShadowStore(store, TIER)
    commit = counted(0, 1, {(identity, 5): {"joined\ta:b": 1.0}})
    commit.keep_s = 500
    await shadow.commit(commit)
    assert 0 < await store.redis.ttl(keys.shadow_hour(TIER, identity, 5)) <= 500
    assert 500 < await store.redis.ttl(keys.shadow_day(TIER, identity, 0)) <= 500 + 86_400


async def test_minutes_expire_by_themselves_and_hours_as_they_are_asked_to(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    kinds = (activity.MINUTES, activity.FIVE_MINUTES, activity.HOURS)
    commit = counted(0, 1, {(identity, 300): {"decisions": 1.0} for identity in kinds})
    commit.keep_s = 1_000_000
    await shadow.commit(commit)
    for identity, short in activity.SHORT.items():
        left_s = await store.redis.ttl(keys.shadow_hour(TIER, identity, 300))
        assert short.kept_s - 60 < left_s <= short.kept_s
    assert await store.redis.ttl(keys.shadow_hour(TIER, activity.HOURS, 300)) > 900_000
    for identity in kinds:
        assert not await store.redis.exists(keys.shadow_day(TIER, identity, 300 // 24))


@pytest.mark.parametrize("every", [None, 1, 2, 7, 100])
async def test_totals_are_the_sums_of_what_is_read_hour_by_hour(store: Store, every: int | None) -> None:
    shadow, hours = ShadowStore(store, TIER), range(498, 512)
    sums = {
        ("p@1", hour): HourSums(
            counts={"decisions": float(hour), "gained\tq:c/1.5:free": -0.1 * hour},
            statistics=statistics(hour) if hour % 3 else Statistics(),
            bound=float(hour % 5),
        )
        for hour in hours
        if hour not in (500, 501)
    }
    await shadow.commit(ShadowCommit(progress.WATERMARK, 0, 1, hours=sums))
    read = dict(await shadow.read("p@1", hours))
    found = await shadow.totals("p@1", hours, every)
    size = every or len(hours)
    groups = [hours[at : at + size] for at in range(0, len(hours), size)]
    assert len(found) == len(groups)
    for have, group in zip(found, groups, strict=True):
        wanted = HourSums()
        for hour in group:
            wanted += read.get(hour, HourSums())
        assert have.counts == pytest.approx(wanted.counts, rel=1e-14)
        np.testing.assert_allclose(have.statistics.flat(), wanted.statistics.flat(), rtol=1e-13)
        assert have.bound == wanted.bound


async def test_totals_leave_out_statistics_of_another_version(store: Store) -> None:
    shadow = ShadowStore(store, TIER)
    sums = {("p@1", hour): HourSums(statistics=statistics(hour)) for hour in (5, 6)}
    await shadow.commit(ShadowCommit(progress.WATERMARK, 0, 1, hours=sums))
    await store.redis.hset(keys.shadow_hour(TIER, "p@1", 5), "moments", b"\0" * 16)
    (found,) = await shadow.totals("p@1", range(4, 8))
    np.testing.assert_array_equal(found.statistics.flat(), statistics(6).flat())
    assert await shadow.totals("p@1", range(4, 4)) == []
    (nothing,) = await shadow.totals("unknown@1", range(4, 8))
    assert (nothing.counts, nothing.rewarded, nothing.bound) == ({}, 0, 0.0)
