"""Calls to the gateway that several tests make."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from pointsman.contracts.messages.subjects import DECISIONS, OUTCOMES
from pointsman.runtime.bus import Bus

CONTEXT = [1.0, 0.5, -0.25]
REQUEST: dict[str, Any] = {"tier": "SIMPLE", "context": CONTEXT}


def decide(client: httpx.Client, **more: Any) -> dict[str, Any]:
    """Ask for a decision; whatever else is gone, there is one."""
    answer = client.post("/v1/decisions", json={**REQUEST, **more})
    assert answer.status_code == 200, answer.text
    decision: dict[str, Any] = answer.json()
    return decision


def report(client: httpx.Client, decision_id: str, **measured: Any) -> httpx.Response:
    return client.post("/v1/outcomes", json={"decision_id": decision_id, **measured})


def field_of(answer: httpx.Response) -> str:
    """Return the one field that a problem names."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    (error,) = problem["errors"]
    assert error["detail"]
    return str(error["field"])


def log_sizes(nats_url: str) -> tuple[int, int]:
    """Return how many decisions and outcomes are in the logs."""

    async def read() -> tuple[int, int]:
        bus = await Bus.connect(nats_url, "test")
        counts = [(await bus.info(stream)).state.messages for stream in (DECISIONS, OUTCOMES)]
        await bus.close()
        return counts[0], counts[1]

    return asyncio.run(read())
