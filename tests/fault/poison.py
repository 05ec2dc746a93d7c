"""What no service may be harmed by: broken, foreign and absurd messages for every stream and subject that is read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import nats
import nats.js.errors

from tests.fault.cluster import DIM, Cluster
from tests.fault.raw_log import read_stream
from tests.fault.run import Run

TIER = "ALPHA"
KNOWN = {"provider": "ollama", "model": "llama3.2"}
BIG_BYTES = 500_000
"""Just under what a stream takes."""

OUTCOME: dict[str, Any] = {
    "decision_id": f"{TIER}.7.0123456789abcdef",
    "tier": TIER,
    **KNOWN,
    "decision_sequence": 7,
    "context": [1.0] * DIM,
    "accepted_at_ms": 1,
    "quality": 50.0,
}
SCORE = {**KNOWN, "mean": 0.5, "width": 0.1, "ucb": 0.6, "probability": 1.0}
DECISION: dict[str, Any] = {
    "nonce": "0123456789abcdef",
    "decided_at_ms": 1,
    "tier": TIER,
    **KNOWN,
    "policy": "linucb",
    "policy_version": 1,
    "algorithm": "linucb",
    "propensity": 1.0,
    "explored": False,
    "scores": [SCORE],
    "context": [1.0] * DIM,
}

NO_JSON = [b"", b"\0\xff\xfe", b'{"tier":', b"[" * 5000, b"x" * BIG_BYTES, b"null", b"7", b"[]", b"{}"]


def poison_outcomes() -> list[bytes]:
    """Return what must not be learned from."""
    changes: list[dict[str, Any]] = [
        {"v": "2"},
        {"context": [1.0] * (DIM + 1)},
        {"context": [1.0] * (DIM + 1), "provider": "never", "model": "seen"},
        {"context": []},
        {"context": [1e300] * DIM},
        {"context": ["1"] * DIM},
        {"context": None},
        {"tier": "BETA"},
        {"tier": "nowhere"},
        {"decision_sequence": 0},
        {"decision_sequence": -1},
        {"decision_sequence": 2**63},
        {"decision_sequence": 2**70},
        {"quality": 101.0},
        {"cost_usd": -1.0},
        {"reward": -0.1},
        {"provider": ""},
        {"model": "m" * 300},
        {"rule": {"normalizer": "zscore"}},
        {"rule": {"lambda_cost": -1.0}},
        {"rule": {"normalizer": "fixed", "cost_bounds_usd": [1.0, 1.0]}},
    ]
    whole = [json.dumps(OUTCOME | change).encode() for change in changes]
    numbers = [json.dumps(OUTCOME).replace("50.0", wrong).encode() for wrong in ("NaN", "Infinity", "1e999", "-1e999")]
    return [*NO_JSON, json.dumps(OUTCOME).encode()[:-9], *whole, *numbers]


def poison_decisions() -> list[bytes]:
    """Return what no shadow policy may count."""
    changes: list[dict[str, Any]] = [
        {"v": "2"},
        {"scores": []},
        {"scores": None},
        {"scores": [{**SCORE, "probability": 1e308}, {**SCORE, "model": "b", "probability": 1e308}]},
        {"scores": [{**SCORE, "probability": -1.0}]},
        {"scores": [{**SCORE, "provider": "a\tb"}]},
        {"tier": "BETA"},
        {"nonce": 7},
        {"nonce": "x"},
        {"propensity": 7.5},
        {"provider": "not", "model": "scored"},
    ]
    whole = [json.dumps(DECISION | change).encode() for change in changes]
    numbers = [json.dumps(DECISION).replace("0.5", wrong).encode() for wrong in ("NaN", "1e999")]
    return [*NO_JSON, json.dumps(DECISION).encode()[:-9], *whole, *numbers]


async def poison_streams(run: Run) -> None:
    """Put poison into both logs and among the rewards, between good messages, and wait for the dead letters."""
    client = await nats.connect(run.cluster.nats.url)
    streams = client.jetstream()
    for stream, subject, messages in (
        ("OUTCOMES", f"outcomes.{TIER}", poison_outcomes()),
        ("DECISIONS", f"log.decisions.{TIER}", poison_decisions()),
        ("REWARDS", f"rewards.{TIER}", NO_JSON),
    ):
        known = run.cluster.poison.setdefault(stream, set())
        for message in messages:
            known.add((await streams.publish(subject, message)).seq)
            await asyncio.sleep(0.02)
        try:
            await streams.publish(subject, b"x" * 1_000_000)
        except nats.js.errors.APIError:
            continue
        raise AssertionError(f"{stream} took a message of 1 MB")
    await client.close()


async def poison_subjects(run: Run) -> None:
    """Send poison to what is no stream: requests for decisions, and notices of changed arms."""
    client = await nats.connect(run.cluster.nats.url)
    requests = [{"tier": TIER}, {"tier": TIER, "context": [1.0]}, {"tier": "x", "context": [1.0] * DIM}]
    for payload in [*NO_JSON, *(json.dumps(request).encode() for request in requests)]:
        answer = await client.request(f"decide.{TIER}", payload, timeout=5.0)
        assert (answer.headers or {}).get("Nats-Service-Error-Code") == "422", answer
    await client.publish(f"decide.{TIER}", b"{}")  # without a reply subject
    notice = {"tier": TIER, "epoch": "another", "watermark": 2**62, "as_of_ms": 2**62, "arms": ["x"]}
    for payload in [*NO_JSON, json.dumps(notice).encode(), json.dumps(notice | {"v": 2}).encode()]:
        await client.publish(f"arms.{TIER}", payload)
    await client.flush()
    await client.close()


async def poison_policies(run: Run) -> None:
    """Put poison into the bucket of policies; services that start meanwhile go on with what is configured."""
    client = await nats.connect(run.cluster.nats.url)
    bucket = await client.jetstream().key_value("policies")
    good = (await bucket.get(TIER)).value or b""
    unknown = json.loads(good) | {"active": {"name": "x", "algorithm": "no.such:Policy"}}
    for payload in [*NO_JSON[1:], json.dumps(unknown).encode(), json.dumps(json.loads(good) | {"v": 2}).encode()]:
        await bucket.put(TIER, payload)
    for name in ("decision", "shadow_evaluator", "gateway"):
        with run.gateway_gone():
            await run.cluster.kill(name)
            await run.cluster.restart(name)
    await asyncio.sleep(1.0)
    await bucket.put(TIER, good)
    await client.close()


async def dead_letters(cluster: Cluster) -> dict[str, set[int]]:
    """Return the sequences of the dead letters by stream."""
    found: dict[str, set[int]] = {}
    for message in (await read_stream(cluster.nats.url, "DEAD")).messages:
        letter = json.loads(message.data)
        found.setdefault(letter["stream"], set()).add(letter["sequence"])
    return found
