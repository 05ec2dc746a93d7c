"""What is asked of the running cluster when all is well again: a fresh decision of each tier, and the shadow report."""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np

from tests.fault.cluster import TIERS, Cluster
from tests.fault.http_client import HttpClient
from tests.fault.ledger import Ledger
from tests.fault.model import Model
from tests.fault.raw_log import read_stream

FRESH_TRIES = 10


async def replica_is_current(cluster: Cluster, ledger: Ledger, models: dict[str, Model]) -> list[str]:
    """A fresh decision rests on all that the store has, and its means are those of the plain computation."""
    problems = []
    client = HttpClient(cluster.gateway_port)
    try:
        for tier, model in models.items():
            context = [1.0, 0.5, -0.25, 0.125]
            for _ in range(FRESH_TRIES):
                answer = await client.call("POST", "/v1/decisions", {"tier": tier, "context": context})
                decision = answer.json()
                ledger.add_decision(decision, 0.0, 0.0)
                if not (decision["degraded"] or decision["stale"]):
                    break
                await asyncio.sleep(0.5)  # the check itself has kept both cores busy
            if decision["degraded"] or decision["stale"]:
                problems.append(
                    f"replica: {tier}: degraded {decision['degraded']}, stale {decision['stale']} after healing"
                )
                continue
            for score in decision["scores"]:
                arm = model.arms.get(f"{score['provider']}:{score['model']}")
                mean = float(np.linalg.solve(arm.A, arm.b) @ np.array(context)) if arm else 0.0
                if abs(mean - score["mean"]) > 1e-9:
                    problems.append(f"replica: {tier} {score['model']}: mean {score['mean']}, not {mean}")
    finally:
        client.close()
    return problems


async def report_is_complete(cluster: Cluster) -> list[str]:
    """The shadow report counts every decision of the log once. Waits until the evaluator has read the log."""
    client = HttpClient(cluster.gateway_port)
    counts: dict[str, int] = {}
    wanted: Counter[str] = Counter()
    try:
        log = await read_stream(cluster.nats.url, "DECISIONS")
        poison = cluster.poison.get("DECISIONS", set())
        for message in log.messages:
            if message.sequence not in poison:
                wanted[message.subject.rpartition(".")[2]] += 1
        for _ in range(100):
            answer = await client.call("GET", "/v1/shadow/report?window=1d")
            counts = {row["tier"]: row["decisions"] + row["errors"] for row in answer.json()["policies"]}
            if all(counts[tier] >= wanted[tier] for tier in TIERS):
                break
            await asyncio.sleep(0.2)
    finally:
        client.close()
    return [
        f"report: {tier} counts {counts.get(tier)} decisions, not {wanted[tier]}"
        for tier in TIERS
        if counts.get(tier) != wanted[tier]
    ]
