"""Learning: how fast one reward-updater applies outcomes, how soon every replica decides with one, and memory."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import msgspec
import numpy as np
from nats.aio.msg import Msg

from benchmarks.load import http_senders, percentile
from benchmarks.outcomes import DIM, configuration, draw_context, fill_outcomes
from benchmarks.servers import Process, Servers
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import Decision, DecisionRequest, decision_decoder, event_decoder
from pointsman.contracts.messages.notices import arms_decoder
from pointsman.contracts.messages.outcome import OutcomeReport
from pointsman.runtime.bus import Bus

TIERS = ("FIRST", "SECOND", "THIRD", "FOURTH")
ARMS = 10
OUTCOMES = 40_000
PROBES = 300
REPLICAS = 2
ASK_EVERY_S = 0.001
MARKER = "marker:priced-by-replica"
"""A candidate for which each replica has another configured price, which identifies the replica of a decision. No
outcome here reports a cost, which would replace the price."""


async def measure(outcomes: int = OUTCOMES, probes: int = PROBES) -> dict[str, Any]:
    """Measure all three on one set of servers."""
    async with Servers(configuration(TIERS, ARMS)) as servers:
        bus = await Bus.connect(servers.nats_url, "benchmark-learning")
        try:
            applied = await _applied_per_s(servers, bus, outcomes)
            for tier in TIERS[1:]:
                await fill_outcomes(bus, tier, ARMS, 10 * ARMS, first_decision=10**9)
            gateway = servers.start("gateway")
            prices = {f"{at + 1}.0": f'[cost_usd]\n"{MARKER}" = {at + 1}.0\n' for at in range(REPLICAS)}
            replicas = [servers.start("decision", configuration(TIERS, ARMS, text)) for text in prices.values()]
            shadow = servers.start("shadow_evaluator")
            for process in (gateway, *replicas, shadow):
                await process.ready()
            fresh = await _freshness(bus, gateway, probes)
            services = [gateway, *replicas, shadow, *(p for p in servers.processes if p.name == "reward_updater")]
            return {"applied": applied, "freshness": fresh, "memory_mb": _memory(services), "memory_of": _memory_of()}
        finally:
            await bus.close()


async def _applied_per_s(servers: Servers, bus: Bus, number: int) -> dict[str, Any]:
    """Time the updater through a log that was there before it; from its first commit to its last.

    The updater publishes its commits on ``arms.<tier>``, so nothing is requested while it works.
    """
    tier = TIERS[0]
    await fill_outcomes(bus, tier, ARMS, number, first_decision=10**9)
    last = (await bus.info(subjects.OUTCOMES)).state.last_seq
    commits: list[tuple[float, float, int]] = []
    done = asyncio.Event()

    async def on_notice(message: Msg) -> None:
        watermark = arms_decoder.decode(message.data).watermark
        if not done.is_set():
            commits.append((time.perf_counter(), updater.cpu_s(), watermark))
        if watermark >= last:
            done.set()

    updater = servers.start("reward_updater")
    subscription = await bus.nats.subscribe(subjects.arms(tier), cb=on_notice)
    await updater.ready()
    await asyncio.wait_for(done.wait(), 120.0)
    await subscription.unsubscribe()
    (begin, cpu_begin, first), (end, cpu_end, reached) = commits[0], commits[-1]
    return {
        "outcomes": reached - first,
        "per_s": round((reached - first) / (end - begin)),
        "updater_cpu_us_each": round((cpu_end - cpu_begin) / (reached - first) * 1e6, 1),
        "commits": len(commits) - 1,
    }


async def _freshness(bus: Bus, gateway: Process, probes: int) -> dict[str, Any]:
    """Send outcomes one by one, and see when the last replica decides with each.

    From the outcome's 202 on, a decision is asked for every millisecond; either replica may get it. The events on
    ``decisions.<tier>`` identify the replica (`MARKER`) and the last outcome it knew. The time ends with the arrival
    of the first event with the outcome in it from the later of the two, so the figure is an upper bound: it has the
    wait for that replica to be asked (about 2 ms) and the way of the event to here in it.
    """
    tier, rng = TIERS[0], np.random.default_rng(11)
    seen: dict[float, tuple[float, int]] = {}
    news = asyncio.Event()

    async def on_event(message: Msg) -> None:
        event = event_decoder.decode(message.data)
        replica = event.scores[-1].cost_usd
        if replica is not None and event.state_watermark > seen.get(replica, (0.0, 0))[1]:
            seen[replica] = (time.perf_counter(), event.state_watermark)
            news.set()

    await bus.nats.subscribe(subjects.decision_topic(tier), cb=on_event)
    candidates = [
        {"provider": "provider-0", "model": "some-model-0"},
        {"provider": "marker", "model": "priced-by-replica"},
    ]
    request = {"tier": tier, "context": draw_context(rng), "candidates": candidates}
    body = msgspec.json.encode(msgspec.convert(request, DecisionRequest))
    sequence = (await bus.info(subjects.OUTCOMES)).state.last_seq
    delays: list[float] = []
    for _ in range(probes):
        accepted_at = await _decide_and_report(bus, gateway, body)
        sequence += 1  # no other client writes to the log
        asking = asyncio.create_task(_ask(bus, tier, body))
        async with asyncio.timeout(10.0):
            while len(seen) < REPLICAS or any(watermark < sequence for _, watermark in seen.values()):
                news.clear()
                await news.wait()
        asking.cancel()
        delays.append(max(0.0, max(at for at, _ in seen.values()) - accepted_at))
        await asyncio.sleep(random.uniform(0.002, 0.012))
    if (await bus.info(subjects.OUTCOMES)).state.last_seq != sequence:
        raise RuntimeError("outcomes were accepted that this did not send")
    delays.sort()
    return {
        "replicas": REPLICAS,
        "probes": probes,
        "asked_every_ms": ASK_EVERY_S * 1e3,
        **{f"p{int(share * 100)}_ms": round(percentile(delays, share) * 1e3, 2) for share in (0.5, 0.9, 0.99)},
        "worst_ms": round(delays[-1] * 1e3, 2),
    }


async def _decide_and_report(bus: Bus, gateway: Process, body: bytes) -> float:
    """Get a decision, send its outcome over HTTP, and return when the 202 was there."""
    answer = await bus.requests.call(subjects.decide(TIERS[0]), body, 2.0)
    decision: Decision = decision_decoder.decode(answer.data)
    report = OutcomeReport(decision_id=decision.decision_id, quality=random.uniform(0.0, 100.0))
    url = gateway.ready_url.replace("/readyz", "/v1/outcomes")
    (connection,) = await http_senders(url, msgspec.json.encode(report), 1)
    await connection.send()
    accepted_at = time.perf_counter()
    if connection.status != 202:
        raise RuntimeError(f"the outcome was answered with {connection.status}")
    connection.close()
    return accepted_at


async def _ask(bus: Bus, tier: str, body: bytes) -> None:
    while True:
        await bus.requests.send(subjects.decide(tier), body, 2.0)
        await asyncio.sleep(ASK_EVERY_S)


def _memory(services: list[Process]) -> dict[str, float]:
    """Return the resident memory of each service; of replicas, the largest."""
    sizes: dict[str, float] = {}
    for process in services:
        sizes[process.name] = max(sizes.get(process.name, 0.0), round(process.memory_mb(), 1))
    return sizes


def _memory_of() -> str:
    return f"{len(TIERS)} tiers × {ARMS} arms at d {DIM}, after the two measurements above"
