"""Shadows: can one evaluator with ten shadow policies keep up with two decision replicas?"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.load import nats_senders, take_turn
from benchmarks.outcomes import arm_names, configuration, draw_context, fill_outcomes
from benchmarks.servers import Process, Servers
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import DecisionRequest, event_decoder
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.outcome import Outcome
from pointsman.runtime.bus import Bus, LogReader
from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.progress import ShadowProgress
from pointsman.shadow.sums.store import ShadowStore

TIER = "SHADOWED"
ARMS = 3
REPLICAS = 2
ROUNDS = 5
TURN_S = 2.0
IN_FLIGHT = 64
REWARDS = 8_000
LEARNED = 300
POLL_INTERVAL_S = 0.02
REQUEST_TIMEOUT_S = 120.0

SHADOWS = "".join(
    f'[[shadow]]\nname = "{name}"\nalgorithm = "{algorithm}"\n{setting}\n\n'
    for name, algorithm, setting in [
        *((f"linucb-{alpha}".replace(".", "-"), "linucb", f"alpha = {alpha}") for alpha in (0.3, 0.7, 3.0)),
        *((f"greedy-{at}", "epsilon-greedy", f"epsilon = {epsilon}") for at, epsilon in enumerate((0.0, 0.02, 0.2))),
        ("cheapest", "cheapest", ""),
        ("uniform", "uniform", ""),
        ("always-0", f"static:{arm_names(ARMS)[0]}", ""),
        ("always-1", f"static:{arm_names(ARMS)[1]}", ""),
    ]
)
"""Ten policies that read the active estimates."""

PATIENCE = "[decision]\nlog_timeout_ms = 2000\n"
"""A busy machine must not turn a decision into an error."""


class _Pass(NamedTuple):
    """How fast an evaluator went through a log that was there before it."""

    number: int
    per_s: float
    cpu_us_each: float


async def measure(rounds: int = ROUNDS, rewards: int = REWARDS) -> dict[str, Any]:
    """Measure the replicas and the evaluator on what they decided, in turns; then rewards, and all at once."""
    async with Servers(configuration([TIER], ARMS, SHADOWS + PATIENCE)) as servers:
        bus = await Bus.connect(servers.nats_url, "benchmark-shadow")
        store = Store(servers.redis_url)
        try:
            gateway, updater = servers.start("gateway"), servers.start("reward_updater")
            replicas = [servers.start("decision") for _ in range(REPLICAS)]
            for process in (gateway, updater, *replicas):
                await process.ready()
            await _learn(bus)
            turns = [(await _decide(bus), await _evaluate(servers, bus, store)) for _ in range(rounds)]
            joined = await _join(servers, bus, store, rewards)
            at_once = await _at_once(servers, bus, store)
            return {
                "shadows": SHADOWS.count("[[shadow]]"),
                "arms": ARMS,
                "replicas": REPLICAS,
                "in_flight": IN_FLIGHT,
                "rounds": rounds,
                "turn_s": TURN_S,
                "decided_per_s": round(median(decided for decided, _ in turns)),
                "evaluated": {
                    "number": sum(evaluated.number for _, evaluated in turns),
                    "per_s": round(median(evaluated.per_s for _, evaluated in turns)),
                    "cpu_us_each": round(median(evaluated.cpu_us_each for _, evaluated in turns), 1),
                },
                "joined": {
                    "number": joined.number,
                    "per_s": round(joined.per_s),
                    "cpu_us_each": round(joined.cpu_us_each, 1),
                },
                "evaluated_of_decided": round(median(evaluated.per_s / decided for decided, evaluated in turns), 2),
                "beside": at_once,
            }
        finally:
            await store.close()
            await bus.close()


async def _learn(bus: Bus) -> None:
    """Have the replicas learn a little, so that the estimates differ, and wait until a decision shows it."""
    await fill_outcomes(bus, TIER, ARMS, LEARNED, first_decision=10**9)
    last = (await bus.info(subjects.OUTCOMES)).state.last_seq
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        while True:
            await bus.requests.call(subjects.decide(TIER), _requests(1)[0], 2.0)
            logged = await bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
            if logged is not None and event_decoder.decode(logged.data).state_watermark >= last:
                return
            await asyncio.sleep(0.05)


def _requests(number: int) -> list[bytes]:
    rng = np.random.default_rng(5)
    return [msgspec.json.encode(DecisionRequest(tier=TIER, context=draw_context(rng))) for _ in range(number)]


async def _decide(bus: Bus) -> float:
    """Keep the replicas busy; return how many decisions they made in a second."""
    senders = [nats_senders(bus, subjects.decide(TIER), body, 1)[0] for body in _requests(IN_FLIGHT)]
    turn = await take_turn(senders, TURN_S)
    if turn.failed:
        raise RuntimeError(f"{turn.failed} requests were not answered with a decision")
    return turn.per_s


async def _evaluate(servers: Servers, bus: Bus, store: Store) -> _Pass:
    """Time a fresh evaluator through the decision log; the replicas stand still meanwhile."""
    last = await bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
    assert last is not None
    evaluator = servers.start("shadow_evaluator")
    taken = await _through(store, evaluator, "watermark", last.sequence)
    evaluator.stop()
    return taken


async def _join(servers: Servers, bus: Bus, store: Store, number: int) -> _Pass:
    """Time a fresh evaluator through rewards of decisions that it has to fetch from the log."""
    reader = LogReader(bus, subjects.DECISIONS, subjects.decision_log(TIER))
    sent = 0
    while sent < number and (batch := await reader.next_batch(wait_s=2.0)):
        outcomes = []
        for message in batch[: number - sent]:
            event = event_decoder.decode(message.data)
            outcomes.append(
                Outcome(
                    decision_id=str(DecisionId(TIER, message.sequence, event.nonce)),
                    tier=TIER,
                    provider=event.provider,
                    model=event.model,
                    decision_sequence=message.sequence,
                    context=event.context,
                    propensity=event.propensity,
                    accepted_at_ms=int(time.time() * 1000),
                    quality=float(message.sequence % 101),
                    cost_usd=0.001,
                )
            )
        await asyncio.gather(*(bus.append(subjects.outcomes(TIER), encode(outcome)) for outcome in outcomes))
        sent += len(outcomes)
    await reader.close()
    end = (await bus.info(subjects.OUTCOMES)).state.last_seq
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        while True:
            reward = await bus.last(subjects.REWARDS, subjects.rewards(TIER))
            if reward is not None and msgspec.json.decode(reward.data)["outcome_sequence"] >= end:
                break
            await asyncio.sleep(POLL_INTERVAL_S)
    evaluator = servers.start("shadow_evaluator")
    taken = await _through(store, evaluator, "rewards_at", reward.sequence)
    evaluator.stop()
    return taken


async def _at_once(servers: Servers, bus: Bus, store: Store) -> dict[str, Any]:
    """Decide as fast as the replicas can while the evaluator works; measure how far it falls behind."""
    evaluator = servers.start("shadow_evaluator")
    await evaluator.ready()
    shadow = ShadowStore(store, TIER)
    before = await shadow.watermark()
    begin = time.perf_counter()
    decided = await _decide(bus)
    end = time.perf_counter()
    reached = await shadow.watermark()
    last = await bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
    assert last is not None
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        while True:
            if await shadow.watermark() >= last.sequence:
                break
            await asyncio.sleep(POLL_INTERVAL_S)
    return {
        "decided_per_s": round(decided),
        "evaluated_per_s": round((reached - before) / (end - begin)),
        "behind_s": round(time.perf_counter() - end, 2),
    }


async def _through(store: Store, evaluator: Process, field: str, end: int) -> _Pass:
    """Time an evaluator from its first commit that is seen until its place reaches the end."""
    shadow = ShadowStore(store, TIER)

    async def look() -> tuple[int, float, float]:
        progress: ShadowProgress = await shadow.progress()
        return int(getattr(progress, field)), time.perf_counter(), evaluator.cpu_s()

    first, _, _ = await look()
    begun: tuple[int, float, float] | None = None
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        while True:
            now = await look()
            if begun is None and now[0] > first:
                begun = now
            if now[0] >= end:
                break
            await asyncio.sleep(POLL_INTERVAL_S)
    assert begun is not None
    number = now[0] - begun[0]
    if number < 1000:
        raise RuntimeError(f"only {number} were timed; the log is too short")
    return _Pass(number, number / (now[1] - begun[1]), (now[2] - begun[2]) / number * 1e6)
