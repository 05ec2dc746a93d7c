"""I3: when a fault is over, everything gets back to where it was by itself, within a minute."""

from __future__ import annotations

import asyncio
import time

import nats.errors
from redis.exceptions import RedisError

from pointsman.runtime.store import keys
from tests.fault.cluster import DIM, TIERS, Cluster
from tests.fault.diagnosis import diagnosis
from tests.fault.http_client import HttpClient, NoAnswer
from tests.fault.invariants import InvariantBroken
from tests.fault.raw_log import last_sequences
from tests.fault.servers import store_client

HEALS_WITHIN_S = 60.0
POLL_INTERVAL_S = 0.1
LOOKED_WITHIN_S = 20.0


async def healed(cluster: Cluster) -> float:
    """Wait until every tier is learned to the end of its log, and fresh decisions rest on it; return the seconds.

    Raises
    ------
    InvariantBroken
        When that is not so within `HEALS_WITHIN_S`.
    """
    began = time.monotonic()
    client = HttpClient(cluster.gateway_port)
    behind = "unknown"
    try:
        while time.monotonic() - began < HEALS_WITHIN_S:
            try:
                async with asyncio.timeout(LOOKED_WITHIN_S):
                    behind = await _behind(cluster, client)
            except (OSError, RedisError, nats.errors.Error, NoAnswer, TimeoutError) as error:
                behind = f"{type(error).__name__}: {error}"
            if not behind:
                return time.monotonic() - began
            await asyncio.sleep(POLL_INTERVAL_S)
    finally:
        client.close()
    broken = InvariantBroken(f"I3: not well again within {HEALS_WITHIN_S:g} s: {behind}")
    broken.add_note(await diagnosis(cluster))
    raise broken


async def _behind(cluster: Cluster, client: HttpClient) -> str:
    """Return what is not well yet."""
    ends = await last_sequences(cluster.nats.url, "OUTCOMES", [f"outcomes.{tier}" for tier in TIERS])
    store = store_client(cluster.store.url)
    try:
        marks = {tier: int(await store.hget(keys.tier(tier), "watermark") or 0) for tier in TIERS}
    finally:
        await store.aclose()
    for tier in TIERS:
        end = ends[f"outcomes.{tier}"]
        if marks[tier] < end:
            return f"{tier} is at {marks[tier]} of {end}"
        answer = await client.call("POST", "/v1/decisions", {"tier": tier, "context": [1.0] * DIM})
        decision = answer.json()
        if answer.status != 200 or decision["degraded"] or decision["stale"]:
            return f"{tier} is decided degraded or stale"
        event = await client.call("GET", f"/v1/decisions/{decision['decision_id']}")
        if event.status != 200 or event.json().get("state_watermark", 0) < marks[tier]:
            return f"{tier} is decided on {event.json().get('state_watermark')}, not {marks[tier]}"
    return ""
