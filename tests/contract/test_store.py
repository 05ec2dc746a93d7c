"""The store: atomic commits, exact bytes, one winner among many writers. The same for every server there is."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import numpy as np
import pytest

from pointsman.core.bandit import Arm, ArmState
from pointsman.core.bandit.arm_state import PARTS
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.reset import reset_tier
from pointsman.learning.tier_store import Commit, Committed, OutcomeIndexEntry, TierStore, encode_arm
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import StoreCorrupt
from pointsman.runtime.store.keys import APPLIED_CHUNK as CHUNK
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from tests.support.waiting import eventually

GPT = Arm("openai", "gpt-5")
LLAMA = Arm("openrouter", "meta-llama/llama-3.1-70b:free")
EPOCH = "2026-11-22T02:42:01.123456789Z"


def _state(version: int, dim: int = 3) -> ArmState:
    rng = np.random.default_rng(version)
    z = rng.normal(size=(dim + PARTS, dim + PARTS))
    return ArmState(
        gram=z + z.T,
        n=version,
        reward_sum=float(rng.random()),
        cost_n=version,
        cost_sum_usd=float(rng.random()),
        version=version,
        updated_at_ms=1000 + version,
    )


def _commit(before: int, after: int, **fields: Any) -> Commit:
    ordinary: dict[str, Any] = {
        "epoch": EPOCH,
        "expected_watermark": before,
        "watermark": after,
        "as_of_ms": after * 10,
        "ranges": {"cost": [0.1, 0.30000000000000004], "latency": []},
        "arms": {GPT: _state(after)},
        "applied": [(after + 100, after, 0.1 + 0.2)],
    }
    return Commit(**{**ordinary, **fields})


async def _everything(store: Store) -> dict[bytes, object]:
    """Return every key with its value, as the server dumps it."""
    return {name: await store.redis.dump(name) async for name in store.redis.scan_iter()}


@pytest.fixture
def tier(store: Store) -> TierStore:
    return TierStore(store, "SIMPLE")


async def test_a_tier_that_nothing_was_stored_for_is_empty(tier: TierStore) -> None:
    changes = await tier.changes()
    assert (changes.epoch, changes.watermark, changes.as_of_ms) == ("", 0, 0)
    assert changes.arms == {}
    assert changes.ranges == {}


async def test_a_commit_moves_everything_at_once(tier: TierStore) -> None:
    assert await tier.commit(_commit(0, 5, arms={GPT: _state(5), LLAMA: _state(4)})) == Committed(True, 5)
    changes = await tier.changes()
    assert (changes.epoch, changes.watermark, changes.as_of_ms) == (EPOCH, 5, 50)
    assert changes.ranges == {"cost": [0.1, 0.30000000000000004], "latency": []}
    assert {arm: encode_arm(state) for arm, state in changes.arms.items()} == {
        GPT: encode_arm(_state(5)),
        LLAMA: encode_arm(_state(4)),
    }
    assert await tier.outcome_of(105) == OutcomeIndexEntry(5, 0.1 + 0.2)
    assert await tier.applied_chunk(0) == bytes(13) + b"\x40"


async def test_a_repeated_commit_changes_nothing_and_returns_the_watermark(store: Store, tier: TierStore) -> None:
    await tier.commit(_commit(0, 5))
    before = await _everything(store)
    assert await tier.commit(_commit(0, 5)) == Committed(False, 5)
    assert await _everything(store) == before


@pytest.mark.parametrize(
    "stale",
    [
        _commit(0, 9, arms={LLAMA: _state(9)}),
        _commit(4, 9, arms={LLAMA: _state(9)}),
        _commit(6, 9, arms={LLAMA: _state(9)}),
        _commit(5, 9, epoch="2027-01-01T00:00:00Z", arms={LLAMA: _state(9)}),
        _commit(0, 9, epoch="2027-01-01T00:00:00Z", arms={LLAMA: _state(9)}),
    ],
    ids=["from the beginning", "from before", "from beyond", "of another log", "of another log from its beginning"],
)
async def test_a_writer_that_was_overtaken_changes_nothing(store: Store, tier: TierStore, stale: Commit) -> None:
    await tier.commit(_commit(0, 5))
    before = await _everything(store)
    assert await tier.commit(stale) == Committed(False, 5)
    assert await _everything(store) == before


async def test_a_commit_without_an_outcome_moves_only_the_time(tier: TierStore) -> None:
    await tier.commit(_commit(0, 5))
    assert (await tier.commit(_commit(5, 5, as_of_ms=77, arms={}, applied=[]))).applied
    changes = await tier.changes(EPOCH, 5)
    assert (changes.watermark, changes.as_of_ms, changes.arms) == (5, 77, {})
    assert len((await tier.changes()).arms) == 1


async def test_only_arms_that_changed_since_are_returned(tier: TierStore) -> None:
    await tier.commit(_commit(0, 5, arms={GPT: _state(3), LLAMA: _state(5)}))
    assert (await tier.changes(EPOCH, 3)).arms.keys() == {LLAMA}
    assert (await tier.changes(EPOCH, 5)).arms == {}
    await tier.commit(_commit(5, 8, arms={GPT: _state(8)}))
    changes = await tier.changes(EPOCH, 5)
    assert changes.arms.keys() == {GPT}
    assert (await tier.changes()).arms.keys() == {GPT, LLAMA}


async def test_a_reader_of_another_log_gets_every_arm(tier: TierStore) -> None:
    await tier.commit(_commit(0, 5, arms={GPT: _state(3), LLAMA: _state(5)}))
    assert (await tier.changes("another", 5)).arms.keys() == {GPT, LLAMA}


async def test_a_tier_gets_a_new_name_only_when_it_is_empty(tier: TierStore, store: Store) -> None:
    await tier.commit(_commit(0, 5, generation="first"))
    await tier.commit(_commit(5, 7, generation="second"))
    assert (await tier.changes()).generation == "first"
    await reset_tier(store, "SIMPLE")
    await tier.commit(_commit(0, 9, generation="third"))
    assert (await tier.changes()).generation == "third"


async def test_a_reader_of_another_generation_gets_every_arm(tier: TierStore) -> None:
    await tier.commit(_commit(0, 5, generation="first", arms={GPT: _state(3), LLAMA: _state(5)}))
    assert (await tier.changes(EPOCH, 5, "first")).arms == {}
    assert (await tier.changes(EPOCH, 5, "before")).arms.keys() == {GPT, LLAMA}


async def test_tiers_do_not_touch_each_other(store: Store, tier: TierStore) -> None:
    await tier.commit(_commit(0, 5))
    other = TierStore(store, "SIMPLE-2")
    assert (await other.changes()).watermark == 0
    await other.commit(_commit(0, 7, arms={GPT: _state(7)}))
    assert (await tier.changes()).arms[GPT].n == 5
    assert await other.outcome_of(105) is None


async def test_every_bit_of_a_matrix_comes_back(tier: TierStore) -> None:
    odd = [-0.0, 0.0, 5e-324, -2.2e-308, 1.7976931348623157e308, 0.1, 1 / 3, np.nextafter(1.0, 2.0), -1e-300]
    state = _state(1)
    state.A[:] = np.array(odd).reshape(3, 3)
    state.b[:] = odd[:3]
    state.reward_sum, state.cost_sum_usd = 0.1 + 0.2, 5e-324
    await tier.commit(_commit(0, 1, arms={GPT: state}))
    found = (await tier.changes()).arms[GPT]
    assert found.A.tobytes() == state.A.tobytes()
    assert found.b.tobytes() == state.b.tobytes()
    assert encode_arm(found) == encode_arm(state)
    assert found.A.flags.writeable  # a writer goes on learning in it
    assert found.A.dtype == np.float64


async def test_matrices_are_in_the_store_as_little_endian_float64(store: Store, tier: TierStore) -> None:
    state = _state(1, dim=2)
    await tier.commit(_commit(0, 1, arms={LLAMA: state}))
    raw = await store.redis.hget("arm:{SIMPLE}:openrouter:meta-llama/llama-3.1-70b:free", "A")
    assert raw == struct.pack("<4d", *state.A.ravel())
    assert await store.redis.hget("arm:{SIMPLE}:openrouter:meta-llama/llama-3.1-70b:free", "dim") == b"2"


async def test_applied_bits_are_in_the_servers_own_order(store: Store, tier: TierStore) -> None:
    decisions = [1, 7, 8, CHUNK - 1, CHUNK, 5 * CHUNK + 77, 1_795_312_000_000_001]
    await tier.commit(_commit(0, 7, applied=[(decision, at + 1, 0.5) for at, decision in enumerate(decisions)]))
    bits = AppliedBits(complete=True)
    for decision in decisions:
        bits.mark(decision)
        assert await store.redis.getbit(keys.applied("SIMPLE", decision // CHUNK), keys.applied_bit(decision)) == 1
    for decision in decisions:
        assert await tier.applied_chunk(decision // CHUNK) == bits.chunk(decision // CHUNK)
    loaded = AppliedBits()
    for chunk in loaded.missing(decisions):
        loaded.load(chunk, await tier.applied_chunk(chunk))
    assert not any(loaded.mark(decision) for decision in decisions)
    assert loaded.mark(9)


async def test_every_applied_outcome_is_found_by_its_decision(tier: TierStore) -> None:
    rows = [(decision, decision + 1000, decision / 300.0) for decision in range(1, 300)]
    await tier.commit(_commit(0, 1300, applied=rows))
    for decision, outcome, reward in rows:
        assert await tier.outcome_of(decision) == OutcomeIndexEntry(outcome, reward)
    assert await tier.outcome_of(300) is None


async def test_the_index_of_outcomes_goes_with_time_and_the_bits_stay(store: Store, tier: TierStore) -> None:
    await tier.commit(_commit(0, 5, keep_outcomes_s=60))
    assert 0 < await store.redis.ttl(keys.outcome("SIMPLE", 105)) <= 60
    assert await store.redis.ttl(keys.applied("SIMPLE", 0)) == -1
    assert await store.redis.ttl(keys.tier("SIMPLE")) == -1
    assert await store.redis.ttl(keys.arm("SIMPLE", GPT)) == -1


async def test_of_many_writers_exactly_one_commits_each_round(store_server: Any, store: Store) -> None:
    writers, rounds = 6, 40
    stores = [Store(store_server.url) for _ in range(writers)]
    wins = [0] * writers
    winners: list[int] = []

    async def write(which: int) -> None:
        tier = TierStore(stores[which], "RACE")
        while True:
            changes = await tier.changes()
            if changes.watermark >= rounds:
                return
            state = changes.arms.get(GPT) or ArmState.fresh(2)
            state.observe(np.array([1.0, 0.5]), 0.25)
            after = changes.watermark + 1
            state.version = after
            commit = _commit(after - 1, after, arms={GPT: state}, applied=[(after, after, 0.25)])
            if (await tier.commit(commit)).applied:
                wins[which] += 1
                winners.append(after)

    await asyncio.gather(*(write(which) for which in range(writers)))
    assert winners == list(range(1, rounds + 1))
    assert sum(wins) == rounds
    expected = ArmState.fresh(2)
    for after in range(1, rounds + 1):
        expected.observe(np.array([1.0, 0.5]), 0.25)
        expected.version = after
    assert encode_arm((await TierStore(store, "RACE").changes()).arms[GPT]) == encode_arm(expected)
    assert await store.redis.bitcount(keys.applied("RACE", 0)) == rounds
    for opened in stores:
        await opened.close()


async def test_a_store_that_forgot_the_scripts_gets_them_again(store: Store, tier: TierStore) -> None:
    await tier.commit(_commit(0, 1))
    await store.redis.script_flush()
    assert (await tier.commit(_commit(1, 2))).applied
    await store.redis.script_flush()
    assert (await tier.changes()).watermark == 2


async def test_an_invalid_state_is_reported_as_corrupt(store: Store, tier: TierStore) -> None:
    await tier.commit(_commit(0, 5))
    await store.redis.hset(keys.arm("SIMPLE", GPT), "A", b"short")
    with pytest.raises(StoreCorrupt, match="tier SIMPLE"):
        await tier.changes()
    await store.redis.delete(keys.arm("SIMPLE", GPT))
    with pytest.raises(StoreCorrupt, match="tier SIMPLE"):
        await tier.changes()


async def test_a_lease_has_one_holder_until_it_is_given_back(store: Store) -> None:
    first, second = (Lease(store, "reward-updater", "SIMPLE", holder, 60_000) for holder in ("a", "b"))
    assert await first.hold()
    assert await first.hold()
    assert not await second.hold()
    await second.drop()  # not its own: nothing happens
    assert not await second.hold()
    await first.drop()
    assert await second.hold()
    assert not await first.hold()


async def test_holding_a_lease_prolongs_it(store: Store) -> None:
    lease = Lease(store, "reward-updater", "SIMPLE", "a", 60_000)
    await lease.hold()
    await store.redis.pexpire(keys.lease("reward-updater", "SIMPLE"), 1_000)
    await lease.hold()
    assert await store.redis.pttl(keys.lease("reward-updater", "SIMPLE")) > 30_000


async def test_a_lease_expires_when_its_holder_does_not_renew_it(store: Store) -> None:
    await Lease(store, "reward-updater", "SIMPLE", "a", 50).hold()
    other = Lease(store, "reward-updater", "SIMPLE", "b", 60_000)
    await eventually(other.hold, "the lease is free again")


async def test_leases_of_other_roles_and_tiers_are_other_leases(store: Store) -> None:
    for role, tier in (("reward-updater", "A"), ("shadow-evaluator", "A"), ("reward-updater", "B")):
        assert await Lease(store, role, tier, role + tier, 60_000).hold()
    assert await store.redis.exists("lease:{A}") == 1


async def test_an_arm_stored_by_an_older_version_is_read_and_marked(tier: TierStore, store: Store) -> None:
    """Older versions write A and b without the parts, and leave those of a newer version."""
    await tier.commit(_commit(0, 5, arms={GPT: _state(5), LLAMA: _state(4)}))
    assert not (await tier.changes()).incomplete
    older = {name: value for name, value in encode_arm(_state(8)).items() if name != "parts"}
    await store.redis.hset(keys.arm("SIMPLE", LLAMA), mapping=older)  # type: ignore[arg-type]  # invariant
    changes = await tier.changes()
    assert changes.incomplete
    read = changes.arms[LLAMA]
    assert (read.A.tobytes(), read.b.tobytes(), read.n) == (_state(8).A.tobytes(), _state(8).b.tobytes(), 8)


async def test_arms_that_were_learned_again_are_read_by_every_replica(tier: TierStore) -> None:
    await tier.commit(_commit(0, 5, generation="first"))
    await tier.commit(_commit(5, 5, arms={GPT: _state(5)}, applied=[], generation="second", relearned=True))
    assert (await tier.changes(EPOCH, 5, "first")).arms.keys() == {GPT}
