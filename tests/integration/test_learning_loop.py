"""Decisions and outcomes through running services: what is promised of each one."""

from __future__ import annotations

import asyncio
import random
import urllib.request
from collections import Counter
from functools import partial

import pytest
import pytest_asyncio
from nats.aio.msg import Msg

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import DecisionRequest, event_decoder
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.notices import dead_decoder, shadow_decoder
from pointsman.contracts.messages.outcome import Outcome, reward_decoder
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.contracts.messages.problem import problem_decoder
from pointsman.core.bandit import Arm, sample
from pointsman.learning.tier_store import OutcomeIndexEntry, TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.policies import read_policies, write_policies
from pointsman.runtime.store.store import Store
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums.hour_sums import comparison_identity
from pointsman.shadow.sums.store import ShadowStore
from tests.support.fixtures import StartService
from tests.support.loop_calls import (
    CONTEXT,
    REQUEST_TIMEOUT_S,
    applied_through,
    assert_store_equals_log,
    decide,
    logged,
    outcome_of,
    prepare,
    read_all,
    report,
)
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIERS = ("LOGGED", "MANY", "ONCE", "DEGRADED", "FRESH", "POISON", "SHADOWED", "RAISING", "YOUNG")
"""A tier for each test, so that none sees another's."""

OUTSIDE = """
class Raises:
    def probabilities(self, estimates):
        raise LookupError("no such thing")


class Garbage:
    def probabilities(self, estimates):
        return [[0.7] * len(estimates.arms)] * len(estimates.mean)


class Unbuildable:
    def __init__(self):
        raise RuntimeError("no licence")

    def probabilities(self, estimates):
        return None
"""


@pytest.fixture(scope="module")
def config_toml() -> str:
    tiers = "".join(f'[[tier]]\nname = "{name}"\narms = ["p:a", "p:b", "q:c/1.5:free"]\n' for name in TIERS)
    return f"[context]\ndim = 3\n[policy]\nalgorithm = 'linucb'\nepsilon = 0.3\n{tiers}"


@pytest.fixture(scope="module")
def replicas(
    start_service: StartService, config: Config, nats_url: str, tmp_path_factory: pytest.TempPathFactory
) -> list[ServiceProcess]:
    """Two decision replicas, with a reward-updater and a shadow-evaluator, all ready."""
    prepare(nats_url, config)
    outside = tmp_path_factory.mktemp("outside")
    (outside / "outside_policies.py").write_text(OUTSIDE, encoding="utf-8")
    started = [
        start_service(name, PYTHONPATH=str(outside), POINTSMAN_DECISION_LOG_TIMEOUT_MS="10000")
        for name in ("decision-1", "decision-2", "reward_updater", "shadow_evaluator")
    ]
    return started[:2]


@pytest_asyncio.fixture
async def loop(bus: Bus, replicas: list[ServiceProcess]) -> Bus:
    """A connection to the running loop."""
    return bus


async def test_decision_is_in_the_log_before_its_response_and_equals_it(loop: Bus) -> None:
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    await loop.nats.subscribe(subjects.decision_topic("LOGGED"), cb=heard.put)
    decision = await decide(loop, "LOGGED")
    event = await logged(loop, decision)  # one direct get, without a wait
    for name in (
        "tier",
        "provider",
        "model",
        "policy",
        "policy_version",
        "propensity",
        "explored",
        "stale",
        "scores",
        "held_back",
    ):
        assert getattr(event, name) == getattr(decision, name), name
    assert (event.context, event.nonce) == (CONTEXT, parse_id(decision.decision_id).nonce)
    assert (event.algorithm, event.parameters) == ("linucb", {"epsilon": 0.3})
    topic = event_decoder.decode((await asyncio.wait_for(heard.get(), REQUEST_TIMEOUT_S)).data)
    assert topic.decision_id == decision.decision_id
    assert (topic.nonce, topic.scores, topic.draw) == (event.nonce, event.scores, event.draw)


async def test_every_decision_has_every_score_and_the_exact_propensity(loop: Bus) -> None:
    rng = random.Random(3)
    contexts = [[1.0, rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(200)]
    decisions = await asyncio.gather(*(decide(loop, "MANY", context) for context in contexts))
    assert len({decision.decision_id for decision in decisions}) == 200
    for decision, context in zip(decisions, contexts, strict=True):
        event = await logged(loop, decision)
        assert event.context == context
        arms = [Arm(score.provider, score.model) for score in event.scores]
        assert arms == [Arm("p", "a"), Arm("p", "b"), Arm("q", "c/1.5:free")]
        p = [score.probability for score in event.scores]
        assert sum(p) == pytest.approx(1.0, abs=1e-12)
        assert all(score.ucb == score.mean + 1.5 * score.width for score in event.scores)
        drawn = sample(p, event.exploration, event.draw)
        assert (arms[drawn.candidate], drawn.explored) == (Arm(event.provider, event.model), event.explored)
        assert event.propensity == p[drawn.candidate]
        assert sorted(p) == pytest.approx([0.1, 0.1, 0.8])


async def test_replicas_bound_the_pulls_of_young_arms_together(loop: Bus) -> None:
    counts: Counter[str] = Counter()
    for _ in range(60):  # all by one replica of the two with probability 2e-18
        decision = await decide(loop, "YOUNG")
        full = [arm for arm in ("p:a", "p:b", "q:c/1.5:free") if counts[arm] >= 8]
        assert decision.held_back == (full if len(full) < 3 else [])
        counts[f"{decision.provider}:{decision.model}"] += 1
    assert min(counts.values()) >= 8


async def test_an_outcome_that_comes_three_times_is_learned_from_once(loop: Bus, store: Store) -> None:
    decision = await decide(loop, "ONCE")
    sequences = [await report(loop, outcome_of(decision, quality=quality)) for quality in (80.0, 80.0, 10.0)]
    await applied_through(store, "ONCE", sequences[-1])
    arms = (await TierStore(store, "ONCE").changes()).arms
    assert {arm: (state.n, state.reward_sum) for arm, state in arms.items()} == {
        Arm(decision.provider, decision.model): (1, 0.8)
    }
    sequence = parse_id(decision.decision_id).sequence
    assert await TierStore(store, "ONCE").outcome_of(sequence or 0) == OutcomeIndexEntry(sequences[0], 0.8)
    rewards = [reward_decoder.decode(data) for data in await read_all(loop, "REWARDS", subjects.rewards("ONCE"))]
    assert [(reward.decision_id, reward.outcome_sequence, reward.reward) for reward in rewards] == [
        (decision.decision_id, sequences[0], 80.0)
    ]
    await assert_store_equals_log(loop, store, "ONCE")


async def test_an_outcome_of_a_degraded_decision_is_not_learned_from(loop: Bus, store: Store) -> None:
    fallback = Outcome(
        decision_id="fallback.DEGRADED.0123456789abcdef", tier="DEGRADED", learn=False, accepted_at_ms=1, quality=9.0
    )
    await applied_through(store, "DEGRADED", await report(loop, fallback))
    assert (await TierStore(store, "DEGRADED").changes()).arms == {}


async def test_every_replica_decides_with_an_outcome_soon_after_it_was_accepted(
    loop: Bus, store: Store, replicas: list[ServiceProcess]
) -> None:
    for _ in range(3):
        sequence = await report(loop, outcome_of(await decide(loop, "FRESH")))
        for replica in replicas:
            await eventually(partial(_watermark_is, replica.url, "FRESH", sequence), "the replica has it")
    decisions = await asyncio.gather(*(decide(loop, "FRESH") for _ in range(40)))
    assert {(await logged(loop, decision)).state_watermark for decision in decisions} == {sequence}
    assert {sum(score.pulls for score in decision.scores) for decision in decisions} == {3}
    assert not any(decision.stale for decision in decisions)
    assert all(decision.state_age_ms is not None for decision in decisions)


async def _watermark_is(url: str, tier: str, sequence: int) -> bool:
    def read() -> str:
        with urllib.request.urlopen(f"{url}/metrics", timeout=REQUEST_TIMEOUT_S) as response:
            return str(response.read().decode())

    wanted = f'pointsman_state_watermark{{tier="{tier}"}} '
    page = await asyncio.to_thread(read)
    return any(float(line.removeprefix(wanted)) == sequence for line in page.splitlines() if line.startswith(wanted))


async def test_poison_goes_to_the_dead_letters_and_the_log_is_read_on(loop: Bus, store: Store) -> None:
    decisions = [await decide(loop, "POISON") for _ in range(6)]
    first = await report(loop, outcome_of(decisions[0]))
    poison = {
        (await loop.append(subjects.outcomes("POISON"), data)).sequence: (data, reason)
        for data, reason in (
            (encode(outcome_of(decisions[1]))[:-30], "truncated"),
            (encode(outcome_of(decisions[2], context=[1.0, 2.0])), "learned with 3 features, got 2"),
            (encode(outcome_of(decisions[2], context=[1.0], model="never-seen")), "learned with 3 features, got 1"),
            (encode(outcome_of(decisions[3], v=2000)), "at most 1000, got 2000"),
            (b"\x00\xff", ""),
        )
    }
    last = await report(loop, outcome_of(decisions[2]))  # the same decision, this time as it should be
    await applied_through(store, "POISON", last)
    arms = (await TierStore(store, "POISON").changes()).arms
    assert sum(state.n for state in arms.values()) == 2
    assert {state.version for state in arms.values()} <= {first, last}
    letters = [dead_decoder.decode(data) for data in await read_all(loop, "DEAD", subjects.dead("OUTCOMES"))]
    found = {letter.sequence: letter for letter in letters if letter.subject == subjects.outcomes("POISON")}
    assert found.keys() == poison.keys()
    for sequence, (data, reason) in poison.items():
        assert found[sequence].payload == data
        assert reason in found[sequence].reason
    await assert_store_equals_log(loop, store, "POISON")


async def _put(bus: Bus, tier: str, policies: TierPolicies) -> int:
    current = await read_policies(bus, tier)
    assert current is not None
    return await write_policies(bus, tier, policies, current[0])


async def test_a_shadow_that_raises_is_counted_and_harms_nothing(loop: Bus, store: Store) -> None:
    bad = [PolicySpec(name=name, algorithm=f"outside_policies:{name}") for name in ("Raises", "Garbage", "Unbuildable")]
    good = PolicySpec(name="good", algorithm="uniform")
    active = PolicySpec(name="active", algorithm="linucb")
    before = await read_policies(loop, "SHADOWED")
    assert before is not None
    # The evaluator may hear of the change before the replica does: the first decision is the old policy's then.
    actives = {before[1].active.identity, active.identity}
    version = await _put(loop, "SHADOWED", TierPolicies(active=active, shadows=[*bad, good]))

    async def evaluated_by_the_new() -> bool:
        await decide(loop, "SHADOWED")
        return await loop.last("SHADOW", subjects.shadow("good", "SHADOWED")) is not None

    await eventually(evaluated_by_the_new, "the shadows run")
    last = [await decide(loop, "SHADOWED") for _ in range(20)][-1]
    shadow = ShadowStore(store, "SHADOWED")

    async def caught_up() -> bool:
        return await shadow.watermark() >= (parse_id(last.decision_id).sequence or 0)

    await eventually(caught_up, "the evaluator has read the log")
    hour = (await logged(loop, last)).decided_at_ms // HOUR_MS
    counted: dict[str, dict[str, float]] = {}
    for spec in [*bad, good]:
        events = [
            shadow_decoder.decode(d) for d in await read_all(loop, "SHADOW", subjects.shadow(spec.name, "SHADOWED"))
        ]
        assert len(events) >= 20
        assert {event.policy_version for event in events} == {version}
        assert all((event.error is None) == (spec is good) for event in events)
        sums: dict[str, float] = {}
        for identity in actives:
            for _, found in await shadow.read(comparison_identity(spec.identity, identity), range(hour - 1, hour + 2)):
                fields = found.counts
                sums = {name: sums.get(name, 0.0) + fields.get(name, 0.0) for name in sums.keys() | fields.keys()}
        counted[spec.name] = sums
        assert sums.get("errors", 0.0) == (0 if spec is good else len(events))
        assert sums.get("decisions", 0.0) == (len(events) if spec is good else 0)
    assert len({sums.get("errors", 0.0) for name, sums in counted.items() if name != "good"}) == 1


async def test_an_active_policy_that_raises_is_answered_with_an_error_and_logs_nothing(loop: Bus) -> None:
    await decide(loop, "RAISING")
    before = await read_policies(loop, "RAISING")
    assert before is not None
    await _put(loop, "RAISING", TierPolicies(active=PolicySpec(name="raises", algorithm="outside_policies:Raises")))
    request = encode(DecisionRequest(tier="RAISING", context=CONTEXT))

    async def answers(code: str | None) -> bool:
        many = [await loop.requests.call(subjects.decide("RAISING"), request, REQUEST_TIMEOUT_S) for _ in range(20)]
        return {(answer.headers or {}).get("Nats-Service-Error-Code") for answer in many} == {code}

    await eventually(lambda: answers("503"), "both replicas have the policy that raises")
    in_log = await loop.subjects(subjects.DECISIONS, subjects.decision_log("RAISING"))
    problem = problem_decoder.decode(
        (await loop.requests.call(subjects.decide("RAISING"), request, REQUEST_TIMEOUT_S)).data
    )
    assert (problem.status, problem.title) == (503, "No decision could be made")
    assert "policy raises failed: " in problem.detail
    assert await loop.subjects(subjects.DECISIONS, subjects.decision_log("RAISING")) == in_log
    await decide(loop, "LOGGED")  # the other tiers are none the worse
    await _put(loop, "RAISING", before[1])
    await eventually(lambda: answers(None), "both replicas have the good policy again")
