"""Switching policies over HTTP, and waiting until all replicas have."""

from __future__ import annotations

from typing import Any

import httpx

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.notices import Alert, alert_decoder
from pointsman.runtime.bus import Bus, LogReader
from tests.support.waiting import eventually


def policies(client: httpx.Client, tier: str = "SIMPLE") -> dict[str, Any]:
    """Return a tier's policies as they are shown."""
    found = {view["tier"]: view for view in client.get("/v1/policies").json()["policies"]}
    view: dict[str, Any] = found[tier]
    return view


def put(client: httpx.Client, tier: str = "SIMPLE", **change: Any) -> dict[str, Any]:
    answer = client.put(f"/v1/policies/{tier}", json=change)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def promote(
    client: httpx.Client, policy: str, tier: str = "SIMPLE", *, force: bool = True, **more: Any
) -> httpx.Response:
    """Promote a shadow, whatever its report is by default."""
    return client.post(f"/v1/policies/{tier}/promote", json={"policy": policy, "force": force, **more})


def revert(client: httpx.Client, tier: str = "SIMPLE", **more: Any) -> httpx.Response:
    return client.post(f"/v1/policies/{tier}/revert", json=more)


def history(client: httpx.Client, tier: str = "SIMPLE") -> list[dict[str, Any]]:
    answer = client.get(f"/v1/policies/{tier}/history")
    assert answer.status_code == 200, answer.text
    versions: list[dict[str, Any]] = answer.json()["versions"]
    return versions


async def alerts(bus: Bus, tier: str = "SIMPLE", count: int = 1) -> list[Alert]:
    """Return the alerts about promotions of a tier, once there are so many."""
    reader = LogReader(bus, subjects.ALERTS, subjects.alert("promotion", tier))
    found: list[Alert] = []

    async def enough() -> bool:
        found.extend(decode(alert_decoder, message.data) for message in await reader.next_batch(wait_s=0.2))
        return len(found) >= count

    await eventually(enough, f"{count} alerts")
    await reader.close()
    return found
