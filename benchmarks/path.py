"""The whole path of a decision, against a floor: the same hops with no bandit in them, measured in turns with it."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.floor_gateway import SUBJECT as FLOOR_SUBJECT
from benchmarks.floor_responder import SIZES_SUBJECT
from benchmarks.load import Send, http_senders, nats_senders, take_turn
from benchmarks.outcomes import configuration, draw_context, fill_outcomes
from benchmarks.servers import Servers
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import DecisionEvent, DecisionRequest, event_decoder
from pointsman.runtime.bus import Bus

TIER = "PATH"
ARMS = 3
IN_FLIGHT = (1, 16, 64)
ROUNDS = 6
TURN_S = 0.9
LEARNED = 300
SHADOWS = """
[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "cheapest"
algorithm = "cheapest"
"""


class _Bench(NamedTuple):
    """What is measured on, and for how long."""

    servers: Servers
    rounds: int
    turn_s: float


class _Taken(NamedTuple):
    """One turn, and the processor time that NATS and the services took for each request of it."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


async def measure(rounds: int = ROUNDS, turn_s: float = TURN_S) -> dict[str, Any]:
    """Measure without shadows at every concurrency, and with two shadows at one."""
    plain = await _with_servers("", IN_FLIGHT, rounds, turn_s)
    shadowed = await _with_servers(SHADOWS, (16,), max(2, rounds // 2), turn_s)
    return {"arms": ARMS, "features": 12, "rounds": rounds, "turn_s": turn_s, **plain, "with_two_shadows": shadowed}


async def _with_servers(shadows: str, in_flight: tuple[int, ...], rounds: int, turn_s: float) -> dict[str, Any]:
    async with Servers(configuration([TIER], ARMS, shadows)) as servers:
        gateway = servers.start("gateway")
        updater = servers.start("reward_updater")
        started = [gateway, updater, servers.start("decision")]
        if shadows:
            started.append(servers.start("shadow_evaluator"))
        floor = servers.start_module("benchmarks.floor_gateway")
        started += [floor, servers.start_module("benchmarks.floor_responder")]
        for process in started:
            await process.ready()
        bus = await Bus.connect(servers.nats_url, "benchmark-load")
        try:
            await _learn(bus)
            updater.stop()  # it is not on the path; nothing is learned while the path is measured
            body, sizes = await _sizes(bus)
            urls = {
                name: process.ready_url.replace("/readyz", "/v1/decisions")
                for name, process in (("pointsman", gateway), ("floor", floor))
            }
            bench = _Bench(servers, rounds, turn_s)
            compared = [await _compare_http(bench, urls, body, n) for n in in_flight]
            compared += [await _compare_nats(bench, bus, body, n) for n in in_flight]
            return {**sizes, "compared": compared}
        finally:
            await bus.close()


async def _learn(bus: Bus) -> int:
    """Have the replica learn a little, so that it scores and writes numbers of the usual length.

    Returns the last outcome's sequence, once a decision was made with it.
    """
    await fill_outcomes(bus, TIER, ARMS, LEARNED, first_decision=10**9)
    last = (await bus.info(subjects.OUTCOMES)).state.last_seq
    async with asyncio.timeout(20.0):
        while True:
            await bus.requests.call(subjects.decide(TIER), _request(), 2.0)
            logged = await bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
            if logged is not None and event_decoder.decode(logged.data).state_watermark >= last:
                return last
            await asyncio.sleep(0.05)


def _request() -> bytes:
    context = draw_context(np.random.default_rng(5))
    return msgspec.json.encode(DecisionRequest(tier=TIER, context=context, metadata={"request": "0123456789"}))


async def _sizes(bus: Bus) -> tuple[bytes, dict[str, Any]]:
    """Return the request, and have the floor log and answer with as many bytes as the replica does."""
    body = _request()
    answer = await bus.requests.call(subjects.decide(TIER), body, 2.0)
    logged = await bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
    assert logged is not None
    event: DecisionEvent = event_decoder.decode(logged.data)
    if len(event.scores) != ARMS or any(score.mean == 0.0 for score in event.scores):
        raise RuntimeError(f"the replica has not learned about {ARMS} arms: {event.scores}")
    await bus.requests.call(SIZES_SUBJECT, b"%d %d" % (len(logged.data), len(answer.data)), 2.0)
    return body, {"bytes": {"request": len(body), "logged": len(logged.data), "answer": len(answer.data)}}


async def _compare_http(bench: _Bench, urls: dict[str, str], body: bytes, in_flight: int) -> dict[str, Any]:
    connections = {name: await http_senders(url, body, in_flight) for name, url in urls.items()}
    senders: dict[str, list[Send]] = {name: [each.send for each in opened] for name, opened in connections.items()}
    result = await _compare(bench, senders)
    for opened in connections.values():
        for connection in opened:
            connection.close()
    return {"way": "http", "in_flight": in_flight, **result}


async def _compare_nats(bench: _Bench, bus: Bus, body: bytes, in_flight: int) -> dict[str, Any]:
    senders = {
        "pointsman": nats_senders(bus, subjects.decide(TIER), body, in_flight),
        "floor": nats_senders(bus, FLOOR_SUBJECT, body, in_flight),
    }
    return {"way": "nats", "in_flight": in_flight, **await _compare(bench, senders)}


async def _compare(bench: _Bench, senders: dict[str, list[Send]]) -> dict[str, Any]:
    taken: dict[str, list[_Taken]] = {name: [] for name in senders}
    for sending in senders.values():
        await take_turn(sending, bench.turn_s / 4)  # warm: caches, buffers, connections
    for at in range(bench.rounds):
        for name in list(senders) if at % 2 else list(reversed(senders)):
            before = bench.servers.cpu_s()
            turn = await take_turn(senders[name], bench.turn_s)
            cpu_us = (bench.servers.cpu_s() - before) / (turn.per_s * bench.turn_s) * 1e6
            taken[name].append(_Taken(turn.per_s, turn.p50_ms, turn.p99_ms, cpu_us, turn.failed))
    ours, floor = taken["pointsman"], taken["floor"]

    def ratio(field: str) -> float:
        ratios = [float(getattr(a, field) / getattr(b, field)) for a, b in zip(ours, floor, strict=True)]
        return round(median(ratios), 3)

    return {
        "throughput_of_floor": ratio("per_s"),
        "p50_of_floor": ratio("p50_ms"),
        "p99_of_floor": ratio("p99_ms"),
        "cpu_of_floor": ratio("cpu_us"),
        "pointsman": _summary(ours),
        "floor": _summary(floor),
    }


def _summary(taken: list[_Taken]) -> dict[str, float]:
    return {
        "per_s": round(median(each.per_s for each in taken)),
        "p50_ms": round(median(each.p50_ms for each in taken), 3),
        "p99_ms": round(median(each.p99_ms for each in taken), 3),
        "cpu_us": round(median(each.cpu_us for each in taken), 1),
        "failed": sum(each.failed for each in taken),
    }
