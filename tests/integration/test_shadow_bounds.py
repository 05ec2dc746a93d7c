"""What the evaluator keeps is bounded, and what comes too late, twice or from another log is never guessed about."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import pytest_asyncio
from nats.js.api import StreamConfig

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import CandidateScore, DecisionEvent
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.outcome import Outcome, RewardEvent
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.runtime.bus import Bus, ensure_streams
from pointsman.runtime.bus.policies import read_policies, write_policies
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums.hour_sums import HourSums, comparison_identity
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.tier_evaluator import TierEvaluator
from tests.support.processes import StoreServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIERS = ("EMPTIED", "ODD", "SWITCHED", "PICKS", "GONE", "REMOVED", "PUT_BACK", "REMADE", "TWO", "PINNED", "BEGUN")
PENDING = 300
LIVE = PolicySpec(name="live", algorithm="linucb")
SHADOW = PolicySpec(name="shadow", algorithm="uniform")
NEXT = PolicySpec(name="next", algorithm="linucb")
OWN = PolicySpec(name="own", algorithm="linucb", lambda_cost=1.0)


@pytest.fixture(scope="module")
def config_toml() -> str:
    tiers = "".join(f'[[tier]]\nname = "{name}"\narms = ["p:a", "p:b"]\n' for name in TIERS)
    return f"[context]\ndim = 2\n{tiers}[shadow_evaluator]\npending_decisions = {PENDING}\nmax_batch = 50\n"


class Logs:
    """One tier's logs, written by the test in the services' place."""

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config) -> None:
        self.bus, self.tier = bus, tier
        self.shadow = ShadowStore(store, tier)
        self._store, self._config = store, config
        self._nonce = 0

    async def put(self, *shadows: PolicySpec, active: PolicySpec = LIVE) -> None:
        """Put these policies in force."""
        current = await read_policies(self.bus, self.tier)
        policies = TierPolicies(active=active, shadows=list(shadows))
        await write_policies(self.bus, self.tier, policies, current[0] if current else 0)

    async def decide(self, known: int = 0, pinned: bool = False) -> DecisionId:
        """Append a decision and return its id."""
        self._nonce += 1
        event = DecisionEvent(
            nonce=f"{self._nonce:016x}",
            decided_at_ms=int(time.time() * 1000),
            tier=self.tier,
            provider="p",
            model="a",
            policy="live",
            policy_version=1,
            algorithm="linucb",
            policy_identity=LIVE.identity,
            propensity=0.5,
            explored=False,
            state_watermark=known,
            scores=[CandidateScore(provider="p", model=m, mean=0.5, width=1.0, ucb=1.0, probability=0.5) for m in "ab"],
            context=[1.0, 0.5],
            pinned=pinned,
        )
        appended = await self.bus.append(subjects.decision_log(self.tier), encode(event))
        return DecisionId(self.tier, appended.sequence, event.nonce)

    async def report_outcome(self, decision: DecisionId) -> int:
        """Append an outcome of a decision and the reward that it got; return the outcome's sequence."""
        now_ms = int(time.time() * 1000)
        outcome = Outcome(
            decision_id=str(decision),
            tier=self.tier,
            provider="p",
            model="a",
            decision_sequence=decision.sequence or 0,
            context=[1.0, 0.5],
            accepted_at_ms=now_ms,
            quality=60.0,
        )
        sequence = (await self.bus.append(subjects.outcomes(self.tier), encode(outcome))).sequence
        await self.reward(decision, sequence)
        return sequence

    async def reward(self, decision: DecisionId, outcome_sequence: int) -> int:
        """Append a reward and return its place in the stream."""
        event = RewardEvent(
            decision_id=str(decision),
            tier=self.tier,
            provider="p",
            model="a",
            outcome_sequence=outcome_sequence,
            reward=60.0,
            quality=60.0,
        )
        return (await self.bus.append(subjects.rewards(self.tier), encode(event))).sequence

    @contextlib.asynccontextmanager
    async def followed(self, holder: str = "test") -> AsyncIterator[TierEvaluator]:
        """Have an evaluator follow the tier, on connections of its own."""
        bus, store = await Bus.connect(self._config.nats, "evaluator"), Store(self._config.redis)
        (tier,) = (tier for tier in self._config.tier if tier.name == self.tier)
        follower = TierEvaluator(bus, store, tier, self._config, holder, EventPublisher(bus))
        task = asyncio.create_task(follower.run())
        try:
            yield follower
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await bus.close()
            await store.close()

    async def caught_up(self) -> None:
        """Wait until everything that is there was read."""
        decision = await self.bus.last(subjects.DECISIONS, subjects.decision_log(self.tier))
        reward = await self.bus.last(subjects.REWARDS, subjects.rewards(self.tier))
        created = (await self.bus.info(subjects.REWARDS)).created

        async def there() -> bool:
            progress = await self.shadow.progress()
            decided = decision is None or progress.watermark >= decision.sequence
            joined = progress.rewards_log == created and progress.rewards_at >= (reward.sequence if reward else 0)
            return decided and joined

        await eventually(there, "the evaluator has read both logs")

    async def sums(self, identity: str, active: PolicySpec = LIVE) -> HourSums:
        """Return a policy's sums of now, against an active policy."""
        hour = int(time.time() * 1000) // HOUR_MS
        total = HourSums()
        for _, sums in await self.shadow.read(
            comparison_identity(identity, active.identity), range(hour - 2, hour + 2)
        ):
            total += sums
        return total


LogsOf = Callable[[str], Logs]


@pytest_asyncio.fixture
async def logs_of(bus: Bus, store: Store, config: Config) -> LogsOf:
    """The logs of a tier, by its name."""
    await ensure_streams(bus, config.nats)
    return lambda tier: Logs(bus, store, tier, config)


async def test_picks_are_kept_for_so_many_decisions_and_until_their_reward(logs_of: LogsOf, store: Store) -> None:
    logs = logs_of("PICKS")
    await logs.put(OWN)
    async with logs.followed():
        # No replica can have known an outcome that is not in the log.
        decisions = [await logs.decide(known=2**64 if at == 500 else 0) for at in range(1000)]
        await logs.caught_up()
        assert (await logs.shadow.progress()).outcomes == 0
        pattern = keys.shadow_picks(logs.tier, OWN.identity, 0)[:-1] + "*"
        chunks = [name async for name in store.redis.scan_iter(pattern)]
        assert 0 < len(chunks) <= PENDING // keys.PICK_CHUNK + 2
        kept = [(OWN.identity, decision.sequence or 0) for decision in decisions[-PENDING:]]
        assert all(await logs.shadow.picks(kept))

        for decision in (decisions[3], decisions[-1], decisions[-2]):
            await logs.report_outcome(decision)
        await logs.caught_up()
        sums = await logs.sums(OWN.identity)
        assert (sums.rewarded, sums.counts["unjoined"], sums.counts["decisions"]) == (2, 1, 1000)
        *others, last_but_one, last = await logs.shadow.picks(kept)
        assert (all(others), last_but_one, last) == (True, None, None)
        # Always choosing an arm needs no pick.
        assert (await logs.sums("@arm:p:a")).rewarded == 3


async def test_what_came_too_late_counts_against_the_policy_that_decided_and_not_against_the_next(
    logs_of: LogsOf,
) -> None:
    logs = logs_of("SWITCHED")
    await logs.put(OWN)
    async with logs.followed() as follower:
        first = await logs.decide()
        for _ in range(PENDING + 2 * keys.PICK_CHUNK):
            await logs.decide()
        await logs.caught_up()
        await logs.put(OWN, active=NEXT)
        current = await read_policies(logs.bus, logs.tier)
        assert current is not None
        follower.set_policies(*current)
        await logs.report_outcome(first)
        await logs.caught_up()
    assert (await logs.sums(OWN.identity)).counts["unjoined"] == 1
    assert (await logs.sums(OWN.identity, NEXT)).counts == {}


async def test_a_reward_whose_decision_left_the_log_is_counted_as_that(logs_of: LogsOf, bus: Bus) -> None:
    logs = logs_of("GONE")
    await logs.put(SHADOW)
    early = await logs.decide()  # before there was an evaluator, and gone before there is one
    async with logs.followed():
        await logs.caught_up()
        first, second = await logs.decide(), await logs.decide()
        await logs.caught_up()
    await bus.nats.jetstream().purge_stream(
        subjects.DECISIONS, subject=subjects.decision_log(logs.tier), seq=second.sequence
    )
    for decision in (early, first, second):
        await logs.report_outcome(decision)
    async with logs.followed():
        await logs.caught_up()
    sums = await logs.sums(SHADOW.identity)
    assert (sums.rewarded, sums.counts["unjoined"], sums.counts["decisions"]) == (1, 2, 3)
    assert (await logs.sums("@arm:p:a")).rewarded == 1


async def test_numbers_that_no_service_of_ours_would_write_stop_no_reader(logs_of: LogsOf, bus: Bus) -> None:
    """Whole numbers in JSON may be of any size, and neither float64 nor int64 has room for these."""
    logs = logs_of("ODD")
    await logs.put(SHADOW, OWN)
    first, second = await logs.decide(), await logs.decide()
    for name, value in (("state_watermark", -(2**70)), ("decided_at_ms", -(10**400)), ("decided_at_ms", 10**400)):
        stored = await bus.get(subjects.DECISIONS, first.sequence or 0)
        assert stored is not None
        odd = {**msgspec.json.decode(stored.data), name: value}
        await bus.append(subjects.decision_log(logs.tier), json.dumps(odd).encode())
    outcome = await logs.report_outcome(first)
    stored = await bus.last(subjects.REWARDS, subjects.rewards(logs.tier))
    assert stored is not None
    for name, value in (("accepted_at_ms", 10**400), ("outcome_sequence", 10**400), ("complete_through", -(10**400))):
        odd = {**msgspec.json.decode(stored.data), "decision_id": str(second), name: value}
        await bus.append(subjects.rewards(logs.tier), json.dumps(odd).encode())
    async with logs.followed():
        await logs.caught_up()
        assert await logs.report_outcome(second) > outcome
        await logs.caught_up()
    # A decision stays valid if only its state watermark is impossible.
    for shadow in (SHADOW, OWN):
        sums = await logs.sums(shadow.identity)
        assert (sums.counts["decisions"], sums.rewarded) == (3, 2)


async def test_a_shadow_that_was_removed_and_put_back_counts_what_it_was_run_on(logs_of: LogsOf) -> None:
    logs = logs_of("REMOVED")
    decisions: list[DecisionId] = []
    async with logs.followed() as follower:
        for shadows in ([SHADOW], [], [SHADOW]):
            await logs.put(*shadows)
            current = await read_policies(logs.bus, logs.tier)
            assert current is not None
            follower.set_policies(*current)
            decisions += [await logs.decide() for _ in range(10)]
            await logs.caught_up()
        for decision in decisions:
            await logs.report_outcome(decision)
        await logs.caught_up()
    sums = await logs.sums(SHADOW.identity)
    assert (sums.counts["decisions"], sums.rewarded) == (20, 20)
    runs = (await logs.shadow.progress()).runs[SHADOW.identity]
    assert [run.through for run in runs] == [decisions[9].sequence, None]


async def test_a_shadow_with_a_rule_of_its_own_begins_when_it_knows_what_the_active_policy_knows(
    logs_of: LogsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman_shadow_evaluator.own_learning.own_learners.LEARNED_AT_ONCE", 3)
    logs = logs_of("BEGUN")
    await logs.put(SHADOW, OWN)
    early = [await logs.decide() for _ in range(8)]
    outcomes = [await logs.report_outcome(decision) for decision in early]
    last = await logs.decide(known=outcomes[-1])
    async with logs.followed():
        await logs.caught_up()  # everything in one batch, at a time when nothing was known
        later = [await logs.decide(known=outcomes[-1]) for _ in range(3)]
        await logs.caught_up()
        for decision in (last, *later):
            await logs.report_outcome(decision)
        await logs.caught_up()
    run = (await logs.shadow.progress()).runs[OWN.identity][0]
    assert run.stateful
    sums, other = await logs.sums(OWN.identity), await logs.sums(SHADOW.identity)
    assert (other.counts["decisions"], other.rewarded) == (12, 12)
    decided = sum((decision.sequence or 0) > run.after for decision in (*early, last, *later))
    assert sums.counts["decisions"] == decided
    assert sums.rewarded == decided


async def test_a_decision_that_a_conversation_made_is_no_shadows_business(logs_of: LogsOf) -> None:
    logs = logs_of("PINNED")
    await logs.put(SHADOW)
    decisions = [await logs.decide(pinned=at % 2 == 0) for at in range(10)]
    for decision in decisions:
        await logs.report_outcome(decision)
    async with logs.followed():
        await logs.caught_up()
    sums = await logs.sums(SHADOW.identity)
    assert (sums.counts["decisions"], sums.rewarded, sums.counts.get("unjoined", 0)) == (5, 5, 0)
    assert (await logs.sums("@arm:p:a")).rewarded == 5


async def test_a_reward_of_a_decision_that_a_put_back_log_lost_does_not_block_the_others(
    logs_of: LogsOf, bus: Bus
) -> None:
    logs = logs_of("PUT_BACK")
    await logs.put(SHADOW)
    kept = await logs.decide()
    lost = [await logs.decide() for _ in range(5)]
    async with logs.followed():
        await logs.caught_up()
    # As an older copy would be: it ends where the first decision was.
    manager = bus.nats.jetstream()
    before = (await manager.stream_info(subjects.DECISIONS)).config
    await manager.delete_stream(subjects.DECISIONS)
    again = StreamConfig(
        name=before.name, subjects=before.subjects, allow_direct=True, first_seq=(kept.sequence or 0) + 1
    )
    await manager.add_stream(again)
    for decision in lost:
        await logs.report_outcome(decision)
    async with logs.followed():
        await logs.caught_up()
        new = [await logs.decide() for _ in range(3)]
        for decision in new:
            await logs.report_outcome(decision)
        await logs.caught_up()
    sums = await logs.sums(SHADOW.identity)
    # 6 before and 3 afterwards were evaluated; of the lost ones none is joined with a decision that has its place now.
    assert (sums.counts["decisions"], sums.rewarded) == (9, 3)
    assert [decision.sequence for decision in new] == [decision.sequence for decision in lost[:3]]


async def test_a_stream_of_rewards_that_was_created_again_counts_nothing_twice(logs_of: LogsOf, bus: Bus) -> None:
    logs = logs_of("REMADE")
    await logs.put(SHADOW)
    decisions = [await logs.decide() for _ in range(12)]
    outcomes = {decision: await logs.report_outcome(decision) for decision in decisions[:8]}
    async with logs.followed():
        await logs.caught_up()
    manager = bus.nats.jetstream()
    before = (await manager.stream_info(subjects.REWARDS)).config
    await manager.delete_stream(subjects.REWARDS)
    await manager.add_stream(before)
    for decision, outcome in outcomes.items():
        await logs.reward(decision, outcome)
    for decision in decisions[8:]:
        await logs.report_outcome(decision)
    async with logs.followed():
        await logs.caught_up()
    assert (await logs.sums(SHADOW.identity)).rewarded == 12


async def test_two_evaluators_that_both_believe_to_hold_the_lease_count_once(logs_of: LogsOf) -> None:
    logs = logs_of("TWO")
    await logs.put(SHADOW, OWN)
    decisions: list[DecisionId] = []
    async with logs.followed("same"), logs.followed("same"):
        for _ in range(20):
            decisions += [await logs.decide() for _ in range(10)]
            known = [await logs.report_outcome(decision) for decision in decisions[-10:-3]]
            decisions.append(await logs.decide(known=known[-1]))
        await logs.caught_up()
    for identity in (SHADOW.identity, OWN.identity):
        sums = await logs.sums(identity)
        assert (sums.counts["decisions"], sums.rewarded) == (220, 140)


async def test_a_store_that_comes_back_empty_is_filled_again_from_the_logs(
    logs_of: LogsOf, store_server: StoreServer
) -> None:
    logs = logs_of("EMPTIED")
    await logs.put(SHADOW, OWN)
    decisions = [await logs.decide() for _ in range(20)]
    async with logs.followed() as follower:
        await logs.caught_up()
        known = [await logs.report_outcome(decision) for decision in decisions[:10]]
        decisions.append(await logs.decide(known=known[-1]))
        await logs.caught_up()
        before = {shadow.name: await logs.sums(shadow.identity) for shadow in (SHADOW, OWN)}
        store_server.stop()  # it keeps nothing

        async def noticed() -> bool:
            return follower.status.startswith("waiting: ")

        await eventually(noticed, "the evaluator waits")
        store_server.start()
        await logs.caught_up()
    for shadow in (SHADOW, OWN):
        after = await logs.sums(shadow.identity)
        assert after.counts == pytest.approx(before[shadow.name].counts)
        assert after.rewarded == 10
    assert (await logs.sums(SHADOW.identity)).counts["decisions"] == 21
