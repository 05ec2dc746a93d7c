"""What the gateway does while something that it needs is gone, and how it stops."""

from __future__ import annotations

import json
import re
import socket
import threading

import httpx
import pytest

from tests.support.fixtures import StartService
from tests.support.gateway_calls import REQUEST, decide, report
from tests.support.processes import NatsServer, ServiceProcess, StoreServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def test_with_the_store_gone_decisions_and_outcomes_go_on(client: httpx.Client, store_server: StoreServer) -> None:
    store_server.stop()
    try:
        decision = decide(client)
        assert not decision["degraded"]
        assert report(client, decision["decision_id"], quality=50).status_code == 202
        assert client.get(f"/v1/decisions/{decision['decision_id']}").json()["outcome_status"] == "unknown"
        answer = client.get("/v1/arms")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        checks = client.get("/readyz").json()["checks"]
        assert checks["store"] != "ok"
        assert {checks[name] for name in ("nats", "streams", "decision")} == {"ok"}
    finally:
        store_server.start()
    wait_until(lambda: client.get("/v1/arms").status_code == 200, "store back")


def test_with_every_replica_hung_few_requests_wait(client: httpx.Client, services: dict[str, ServiceProcess]) -> None:
    services["decision"].pause()
    try:
        decisions = [decide(client) for _ in range(50)]
    finally:
        services["decision"].resume()
    assert all(decision["degraded"] for decision in decisions)
    counts = dict(
        re.findall(r'fallback_decisions_total\{reason="(\w+)",tier="SIMPLE"\} ([0-9.]+)', client.get("/metrics").text)
    )
    assert float(counts["timeout"]) >= 1
    assert float(counts["breaker"]) >= 1
    lines = [json.loads(line) for line in services["gateway"].output().splitlines()]
    warnings = [line for line in lines if line["part"] == "gateway.decisions" and line["level"] == "warning"]
    assert {line["event"] for line in warnings} >= {
        f"tier SIMPLE: no policy chooses ({reason}); the fallback arm serves" for reason in ("timeout", "breaker")
    }
    assert len(warnings) <= 4  # of 50 decisions
    assert all(line["decision_id"].startswith("fallback.SIMPLE.") for line in warnings)
    wait_until(lambda: not decide(client)["degraded"], "replica decides again")


def test_with_every_replica_gone_the_fallback_arm_is_served(
    client: httpx.Client, services: dict[str, ServiceProcess]
) -> None:
    services["decision"].stop()
    try:
        wait_until(lambda: bool(decide(client)["degraded"]), "fallback")
        decision = decide(client)
        assert decision["decision_id"].startswith("fallback.SIMPLE.")
        assert (decision["provider"], decision["model"]) == ("openai", "gpt-4o-mini")
        assert (decision["propensity"], decision["policy"], decision["scores"]) == (None, None, [])
        others = [{"provider": "b", "model": "m"}, {"provider": "c", "model": "m"}]
        assert decide(client, candidates=others)["provider"] == "b"
        assert report(client, decision["decision_id"], quality=50).status_code == 202
        assert client.get(f"/v1/decisions/{decision['decision_id']}").status_code == 404
        assert client.get("/readyz").json()["checks"]["decision"] == "no decision replica"
    finally:
        services["decision"].start()
    wait_until(lambda: not decide(client)["degraded"], "replica back")


def test_with_nats_gone_decisions_degrade_and_outcomes_wait(client: httpx.Client, nats_server: NatsServer) -> None:
    before = decide(client)
    nats_server.kill()
    try:
        wait_until(lambda: bool(decide(client)["degraded"]), "fallback")
        answer = report(client, before["decision_id"], quality=50)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/v1/policies").status_code == 503
        assert client.get("/readyz").json()["checks"]["nats"] == "not connected"
        assert client.get("/healthz").status_code == 200
        # What is still wrong is still warnings.
        assert client.post("/v1/decisions", json={**REQUEST, "context": [1]}).status_code == 422
    finally:
        nats_server.start()
    wait_until(lambda: not decide(client)["degraded"], "NATS back")
    wait_until(lambda: report(client, before["decision_id"], quality=50).status_code in (200, 202), "outcome accepted")


def test_with_nats_gone_a_report_is_about_the_policy_that_was_put_in_force_and_not_the_configured_one(
    client: httpx.Client, nats_server: NatsServer
) -> None:
    def active() -> str:
        (row,) = client.get("/v1/shadow/report", params={"tier": "SIMPLE"}).json()["policies"]
        return str(row["active"])

    switched = {"name": "switched", "algorithm": "linucb", "parameters": {"epsilon": 0.2}}
    assert client.put("/v1/policies/SIMPLE", json={"active": switched}).status_code == 200
    assert active() == "switched"
    nats_server.kill()
    try:
        wait_until(lambda: client.get("/v1/policies").status_code == 503, "NATS gone")
        assert active() == "switched"
    finally:
        nats_server.start()
    wait_until(lambda: not decide(client)["degraded"], "NATS back")


def test_a_gateway_starts_while_nats_and_the_store_are_gone(start_service: StartService) -> None:
    alone = {"POINTSMAN_NATS_URL": "nats://127.0.0.1:1", "POINTSMAN_REDIS_URL": "redis://127.0.0.1:1/0"}
    service = start_service("gateway-alone", wait_for="/healthz", **alone)
    with httpx.Client(base_url=service.url, timeout=20.0) as client:
        assert decide(client)["degraded"]
        assert client.get("/readyz").status_code == 503
        with client.stream("GET", "/v1/events/decisions") as answer:
            assert answer.status_code == 200  # waits for NATS, as the client does
    assert service.stop() == 0


def test_a_gateway_that_stops_ends_streams_and_finishes_its_requests(start_service: StartService) -> None:
    service = start_service("gateway-second", wait_for="/readyz")
    port = int(service.url.rpartition(":")[2])
    body = json.dumps(REQUEST).encode()
    head = f"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with (
        httpx.Client(base_url=service.url, timeout=20.0) as client,
        client.stream("GET", "/v1/events/decisions") as events,
        socket.create_connection(("127.0.0.1", port), timeout=20.0) as half_sent,
    ):
        lines = events.iter_lines()
        assert next(line for line in lines if line == ": listening")
        half_sent.sendall(head + body[:10])
        stopping = threading.Thread(target=service.stop)
        stopping.start()
        for _ in lines:
            pass  # until the stream ends
        half_sent.sendall(body[10:])
        assert half_sent.recv(4096).startswith(b"HTTP/1.1 200")
        stopping.join()
    assert "stopped" in service.output()
