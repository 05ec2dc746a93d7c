"""The dashboard: how long does the gateway take for what each view asks, with a million decisions in the store?"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

import aiohttp
import numpy as np

from benchmarks.outcomes import configuration, draw_context
from benchmarks.servers import Servers
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman.shadow.sums.store import ShadowStore

TIER = "SHOWN"
ARMS = 5
SHADOWS = 5
REPLICAS = 2
DECISIONS = 1_000_000
HOURS = 30 * 24
ROUNDS = 9
IN_FLIGHT = 16
AT_ONCE = 48
PAUSE_S = 1.05
"""Between two rounds: some answers are kept for a second."""
REQUEST_TIMEOUT_S = 120.0
POLL_INTERVAL_S = 0.05

_SHADOWS = "".join(
    f'[[shadow]]\nname = "bold-{at}"\nalgorithm = "linucb"\nalpha = {0.5 * at}\n\n' for at in range(SHADOWS)
)


async def measure(rounds: int = ROUNDS, hours: int = HOURS) -> dict[str, Any]:
    """Make an hour of decisions, write what the store has of it for every hour of a month, and ask as views do."""
    patience = "[decision]\nlog_timeout_ms = 2000\n[gateway]\ndecide_timeout_ms = 2000\n"
    async with Servers(configuration([TIER], ARMS, _SHADOWS + patience)) as servers:
        gateway = servers.start("gateway")
        rest = [servers.start(service) for service in ("reward_updater", "shadow_evaluator", *["decision"] * REPLICAS)]
        for process in (gateway, *rest):
            await process.ready()
        url = gateway.ready_url.removesuffix("readyz")
        store, bus = Store(servers.redis_url), await Bus.connect(servers.nats_url, "benchmark-views")
        try:
            async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(REQUEST_TIMEOUT_S)) as client:
                number = DECISIONS // HOURS
                ids = await _decide(client, number)
                await _evaluated(store, bus, number)
                await _fill(store, hours)
                asked = await _ask(client, _views(ids[number // 2]), rounds)
        finally:
            await store.close()
            await bus.close()
    return {
        "decisions": number * hours,
        "days": hours // 24,
        "arms": ARMS,
        "shadows": SHADOWS,
        "rounds": rounds,
        "asked": asked,
    }


async def _decide(client: aiohttp.ClientSession, number: int) -> list[str]:
    """Request this number of decisions, report their outcomes, and return their ids."""
    rng = np.random.default_rng(8)
    contexts = iter([draw_context(rng) for _ in range(number)])  # shared: each connection takes the next
    ids: list[str] = []

    async def one_by_one() -> None:
        for context in contexts:
            decision = await _post(client, "v1/decisions", {"tier": TIER, "context": context})
            if decision["degraded"]:
                raise RuntimeError("a request was not decided by a policy")
            ids.append(decision["decision_id"])
            outcome = {
                "quality": float(rng.uniform(30, 95)),
                "cost_usd": float(rng.uniform(0, 0.01)),
                "latency_ms": 400,
            }
            await _post(client, "v1/outcomes", {"decision_id": ids[-1], **outcome})

    await asyncio.gather(*(one_by_one() for _ in range(IN_FLIGHT)))
    return ids


async def _post(client: aiohttp.ClientSession, path: str, body: object) -> Any:
    async with client.post(path, json=body) as answer:
        answer.raise_for_status()
        return await answer.json()


async def _evaluated(store: Store, bus: Bus, number: int) -> None:
    """Wait until every decision and every reward is in the sums."""
    sums = ShadowStore(store, TIER)
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        while True:
            last = await bus.last(subjects.REWARDS, subjects.rewards(TIER))
            progress = await sums.progress()
            if last is not None and progress.rewards_at >= last.sequence and progress.complete >= number:
                return
            await asyncio.sleep(POLL_INTERVAL_S)


async def _fill(store: Store, hours: int) -> None:
    """Write the sums of this hour for as many hours before it, and the fullest of minutes for all that are kept."""
    sums = ShadowStore(store, TIER)
    prefix = keys.shadow_hour(TIER, "", 0).removesuffix(":0")
    found: dict[str, dict[int, HourSums]] = {}
    async for key in store.redis.scan_iter(match=prefix + "*", count=1000):
        identity, _, unit = key.decode().removeprefix(prefix).rpartition(":")
        if unit.isdigit() and not identity.endswith(":day"):
            found.setdefault(identity, {})[int(unit)] = dict(
                await sums.read(identity, range(int(unit), int(unit) + 1))
            )[int(unit)]
    now_ms = int(time.time() * 1000)
    commits = 0
    for identity, units in found.items():
        short = activity.SHORT.get(identity)
        number = short.kept_s * 1000 // short.unit_ms if short else hours
        last = now_ms // (short.unit_ms if short else HOUR_MS)
        missing = [unit for unit in range(last - number + 1, last + 1) if unit not in units]
        fullest = max(units.values(), key=lambda of: of.counts.get("decisions", of.rewarded))
        for at in range(0, len(missing), AT_ONCE):
            made = {(identity, unit): fullest for unit in missing[at : at + AT_ONCE]}
            await sums.commit(ShadowCommit("benchmark", commits, commits + 1, hours=made))
            commits += 1


def _views(decision_id: str) -> dict[str, tuple[str, object]]:
    """Return what each view asks: the path, and the body of a POST."""
    tier = f"tier={TIER}"
    shown: dict[str, tuple[str, object]] = {
        f"{view}, {window}": (f"v1/{path}?{tier}&window={window}", None)
        for view, path in {"Overview": "overview", "Arms": "arms", "Shadow": "shadow/report"}.items()
        for window in ("24h", "7d", "30d")
    }
    vector = {"tier": TIER, "context": [0.1] * 11 + [1.0]}
    return shown | {
        "Inspector": (f"v1/decisions/{decision_id}?shadows=true", None),
        "Try, a vector": ("v1/try", vector),
        "System": ("v1/system", None),
    }


async def _ask(
    client: aiohttp.ClientSession, views: dict[str, tuple[str, object]], rounds: int
) -> dict[str, dict[str, float]]:
    """Ask for everything in turns; return the first, the median and the longest time, in milliseconds."""
    times: dict[str, list[float]] = {view: [] for view in views}
    sizes: dict[str, int] = {}
    for _ in range(rounds):
        for view, (path, body) in views.items():
            began = time.perf_counter()
            async with client.request("GET" if body is None else "POST", path, json=body) as answer:
                answer.raise_for_status()
                sizes[view] = len(await answer.read())
            times[view].append((time.perf_counter() - began) * 1000.0)
        await asyncio.sleep(PAUSE_S)
    return {
        view: {
            "first_ms": round(taken[0], 1),
            "median_ms": round(median(taken), 1),
            "longest_ms": round(max(taken), 1),
            "kb": round(sizes[view] / 1000.0, 1),
        }
        for view, taken in times.items()
    }
