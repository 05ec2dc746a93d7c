"""Learning goes on, exactly once and to the same bytes, when an updater is killed or the store loses everything."""

from __future__ import annotations

import asyncio
import random
import re

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.contracts.messages.outcome import Outcome, reward_decoder
from pointsman.core.bandit import Arm, ArmEstimate
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from tests.support.fixtures import StartService
from tests.support.loop_calls import (
    applied_through,
    assert_store_equals_log,
    prepare,
    read_all,
    report,
    stored_bytes,
)
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ARMS = (("p", "a"), ("p", "b"), ("q", "c/1.5:free"))


@pytest.fixture(scope="module")
def config_toml() -> str:
    tiers = "".join(f'[[tier]]\nname = "{name}"\narms = ["p:a"]\n' for name in ("KILLED", "EMPTIED", "DRIFTED"))
    return f"[context]\ndim = 3\n{tiers}[reward_updater]\nmax_batch = 40\nlease_ms = 900\n"


@pytest.fixture(scope="module")
def updaters(start_service: StartService, config: Config, nats_url: str) -> list[ServiceProcess]:
    """Two reward-updaters: for each tier, one writes and the other stands by."""
    prepare(nats_url, config)
    return [start_service(f"reward_updater-{number}") for number in (1, 2)]


async def _writer(store: Store, tier: str, updaters: list[ServiceProcess]) -> ServiceProcess:
    """Return the updater that holds a tier's lease, waiting for one to do so."""
    found: list[ServiceProcess] = []

    async def held() -> bool:
        holder = await store.redis.get(keys.lease("reward-updater", tier))
        if holder is not None:
            assert isinstance(holder, bytes)
            pid = int(holder.decode().split(":")[-2])
            found.extend(updater for updater in updaters if updater.running and updater.pid == pid)
        return bool(found)

    await eventually(held, f"a process writes {tier}")
    return found[0]


def _outcomes(tier: str, decisions: range, seed: int) -> list[bytes]:
    """Return outcomes of many decisions, some of them twice, some degraded, some no outcomes at all."""
    rng = random.Random(seed)
    made = []
    for decision in decisions:
        provider, model = rng.choice(ARMS)
        outcome = Outcome(
            decision_id=f"{tier}.{decision}.0123456789abcdef",
            tier=tier,
            provider=provider,
            model=model,
            learn=rng.random() < 0.95,
            decision_sequence=decision,
            context=[1.0, rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)],
            accepted_at_ms=1,
            quality=rng.uniform(0.0, 100.0),
            cost_usd=rng.choice([None, rng.uniform(0.0, 0.1)]),
            latency_ms=rng.choice([None, rng.uniform(1.0, 5000.0)]),
        )
        made += [encode(outcome)] * rng.choice([1, 1, 1, 2])
        if rng.random() < 0.02:
            made.append(encode(outcome)[:-9])
    return made


async def _publish(bus: Bus, tier: str, messages: list[bytes]) -> int:
    """Append all, a hundred at a time, and return the last one's sequence."""
    sequence = 0
    for at in range(0, len(messages), 100):
        appended = [bus.append(subjects.outcomes(tier), data, 30.0) for data in messages[at : at + 100]]
        sequence = max(done.sequence for done in await asyncio.gather(*appended))
    return sequence


async def test_killing_the_writer_in_mid_stream_changes_no_byte(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    killed = asyncio.Event()

    async def publish() -> int:
        await _publish(bus, "KILLED", _outcomes("KILLED", range(1, 1500), seed=1))
        await killed.wait()
        return await _publish(bus, "KILLED", _outcomes("KILLED", range(1400, 3000), seed=2))

    publishing = asyncio.create_task(publish())
    first = (await bus.info(subjects.OUTCOMES)).state.first_seq
    await applied_through(store, "KILLED", first + 200)
    writer = await _writer(store, "KILLED", updaters)
    writer.kill()
    killed.set()
    last = await publishing
    await applied_through(store, "KILLED", last)
    ledger = await assert_store_equals_log(bus, store, "KILLED")
    assert sum(state.n for state in ledger.learner.arms.values()) > 2500
    rewards = [reward_decoder.decode(data) for data in await read_all(bus, "REWARDS", subjects.rewards("KILLED"))]
    by_outcome = {reward.outcome_sequence: reward for reward in rewards}
    assert len(by_outcome) == sum(state.n for state in ledger.learner.arms.values())
    assert all(by_outcome[reward.outcome_sequence] == reward for reward in rewards)  # a repetition has the same content
    writer.start()


async def test_a_store_that_lost_everything_is_made_again_from_the_log(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    messages = _outcomes("EMPTIED", range(1, 800), seed=3)
    last = await _publish(bus, "EMPTIED", messages)
    await applied_through(store, "EMPTIED", last)
    before = await stored_bytes(store, "EMPTIED")
    await store.redis.flushall()
    await applied_through(store, "EMPTIED", last)
    assert await stored_bytes(store, "EMPTIED") == before
    again = await _publish(bus, "EMPTIED", messages[:200])  # what was counted before the loss is not counted again
    await applied_through(store, "EMPTIED", again)
    after = await stored_bytes(store, "EMPTIED")
    assert {arm: fields["n"] for arm, fields in after.items()} == {arm: fields["n"] for arm, fields in before.items()}
    await assert_store_equals_log(bus, store, "EMPTIED")


async def test_a_store_that_came_back_without_its_last_second_catches_up(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    """As after a crash of a store that writes its file once a second."""
    last = await _publish(bus, "EMPTIED", _outcomes("EMPTIED", range(5000, 5100), seed=4))
    await applied_through(store, "EMPTIED", last)
    older = {name: await store.redis.dump(name) async for name in store.redis.scan_iter("*{EMPTIED}*")}
    last = await _publish(bus, "EMPTIED", _outcomes("EMPTIED", range(5050, 5200), seed=5))
    await applied_through(store, "EMPTIED", last)
    before = await stored_bytes(store, "EMPTIED")
    async with store.redis.pipeline(transaction=True) as pipe:
        for name, value in older.items():
            if b"lease" not in name and value is not None:
                pipe.restore(name, 0, value, replace=True)
        for name in [found async for found in store.redis.scan_iter("*{EMPTIED}*") if found not in older]:
            pipe.delete(name)
        await pipe.execute()
    await applied_through(store, "EMPTIED", last)
    assert await stored_bytes(store, "EMPTIED") == before
    await assert_store_equals_log(bus, store, "EMPTIED")


async def test_arms_of_which_an_older_version_stored_only_a_and_b_are_completed_from_the_log(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    before, found = await stored_bytes(store, "EMPTIED"), await TierStore(store, "EMPTIED").changes()
    writer = await _writer(store, "EMPTIED", updaters)
    writer.kill()
    for arm in found.arms:
        assert await store.redis.hdel(keys.arm("EMPTIED", arm), "parts") == 1

    async def completed() -> bool:
        return await stored_bytes(store, "EMPTIED") == before

    await eventually(completed, "the other updater completes the arms")
    changes = await TierStore(store, "EMPTIED").changes(found.epoch, found.watermark, found.generation)
    assert changes.arms.keys() == found.arms.keys()  # a replica reads all of them again
    await assert_store_equals_log(bus, store, "EMPTIED")
    writer.start()


async def test_an_arm_that_became_dearer_raises_one_alert_and_learning_again_raises_none(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    estimate = ArmEstimate(mean=0.8, width=0.1, prior=0.0, sigma=0.1)  # of no outcomes, so the reward is not tested
    outcomes = [
        Outcome(
            decision_id=f"DRIFTED.{decision}.0123456789abcdef",
            tier="DRIFTED",
            provider="p",
            model="a",
            decision_sequence=decision,
            context=[1.0, 0.0, 0.0],
            accepted_at_ms=1,
            quality=80.0,
            cost_usd=0.002 if decision <= 100 else 0.02,
            estimate=estimate,
        )
        for decision in range(1, 121)
    ]
    last = await _publish(bus, "DRIFTED", [encode(outcome) for outcome in outcomes])
    await applied_through(store, "DRIFTED", last)
    before = await assert_store_equals_log(bus, store, "DRIFTED")
    alarm = (before.learner.arms[Arm("p", "a")].drift or pytest.fail("no drift")).alarm
    assert alarm is not None
    await store.redis.delete(*[name async for name in store.redis.scan_iter("*{DRIFTED}*") if b"lease" not in name])
    await applied_through(store, "DRIFTED", last)
    await assert_store_equals_log(bus, store, "DRIFTED")
    subject = subjects.alert("drift", "DRIFTED")
    (alert,) = [alert_decoder.decode(data) for data in await read_all(bus, subjects.ALERTS, subject)]
    assert re.fullmatch(
        r"tier DRIFTED: p:a costs more: \$0\.02 a request in the last \d outcomes, since 20.* UTC; "
        r"\$0\.002 before \(× 10\.0\)\. What was learned about it has been corrected",
        alert.text,
    )
    assert alert.detail is not None
    assert (alert.detail["arm"], alert.detail["signal"]) == ("p:a", "cost")


async def test_the_lease_is_given_back_when_its_holder_stops(
    bus: Bus, store: Store, updaters: list[ServiceProcess]
) -> None:
    writer = await _writer(store, "EMPTIED", updaters)
    assert writer.stop() == 0
    last = await report(
        bus,
        Outcome(
            decision_id="EMPTIED.9000.0123456789abcdef",
            tier="EMPTIED",
            provider="p",
            model="a",
            decision_sequence=9000,
            context=[1.0, 0.0, 0.0],
            accepted_at_ms=1,
            quality=50.0,
        ),
    )
    await applied_through(store, "EMPTIED", last)
    assert await _writer(store, "EMPTIED", updaters) is not writer
    assert (await TierStore(store, "EMPTIED").outcome_of(9000)) is not None
    writer.start()
