"""``python -m docs.figures.killing``: run the real stack, kill its parts, record the counts in ``killing.json``."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from docs import DOCS
from tests.fault.cluster import Cluster
from tests.fault.http_client import HttpClient, NoAnswer
from tests.fault.ledger import Ledger
from tests.fault.load import Load

SEEN = DOCS / "figures" / "killing.json"
RUNS_S = 30.0
KILLS = (
    (5.0, "reward_updater", 2.0),
    (11.0, "store", 2.5),
    (18.0, "nats", 2.0),
    (24.0, "reward_updater", 1.0),
)
"""When, what, and how long it stays down, in seconds."""
EVERY_S = 0.25
SETTLED_S = 4.0
SEED = 7


async def watch() -> dict[str, Any]:
    """Send decisions and outcomes, many of them twice, kill what `KILLS` names, and count.

    Returns
    -------
    dict
        ``kills``: when each part was killed and was back. ``points``: by time, how often an outcome was sent; outcomes
        that were acknowledged; outcomes in A and b (None while the store does not answer).
    """
    with tempfile.TemporaryDirectory() as folder:
        cluster, ledger = Cluster(Path(folder)), Ledger()
        client = HttpClient(cluster.gateway_port)
        points: list[list[float | int | None]] = []
        kills: list[dict[str, Any]] = []
        await cluster.start()
        began = time.monotonic()

        async def sample() -> None:
            while True:
                points.append([round(time.monotonic() - began, 2), *_counts(ledger), await _learned(client)])
                await asyncio.sleep(EVERY_S)

        sampling = asyncio.create_task(sample())
        try:
            async with Load(cluster, ledger, SEED):
                for at_s, name, down_s in KILLS:
                    await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
                    killed_s = time.monotonic() - began
                    await cluster.kill(name)
                    await asyncio.sleep(down_s)
                    await cluster.restart(name)
                    kills.append(
                        {"name": name, "from_s": round(killed_s, 2), "to_s": round(time.monotonic() - began, 2)}
                    )
                await asyncio.sleep(max(0.0, began + RUNS_S - time.monotonic()))
            await cluster.ready()
            await asyncio.sleep(SETTLED_S)
        finally:
            sampling.cancel()
            client.close()
            await cluster.stop()
        return {"kills": kills, "points": points, "wrong": ledger.wrong}


def _counts(ledger: Ledger) -> tuple[int, int]:
    sent = sum(number for (route, _), number in ledger.statuses.items() if route == "outcomes")
    learnable = ledger.acknowledged_decisions()
    return sent, sum(decision_id in learnable for decision_id in ledger.acknowledged_outcomes())


async def _learned(client: HttpClient) -> int | None:
    try:
        answer = await client.call("GET", "/v1/arms")
    except NoAnswer:
        return None
    return sum(arm["n"] for arm in answer.json()["arms"]) if answer.status == 200 else None


def main() -> int:
    """Run, and keep what was seen; fail if an answer was one that the API does not have."""
    seen = asyncio.run(watch())
    SEEN.write_text(json.dumps(seen, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{seen['points'][-1]} at the end: seconds, sent, acknowledged, learned; wrong: {seen['wrong']}")
    return 1 if seen["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
