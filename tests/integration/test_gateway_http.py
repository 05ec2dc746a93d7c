"""The gateway as its clients meet it: real NATS, a real store, real services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pointsman.cli.main import main
from pointsman.contracts.config import Config
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import outcome_decoder
from pointsman.contracts.messages.subjects import OUTCOMES
from pointsman.runtime.bus import Bus
from tests.support.gateway_calls import CONTEXT, REQUEST, decide, field_of, log_sizes, report
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


# Decisions


def test_a_decision_comes_from_the_policy_with_its_whole_distribution(client: httpx.Client) -> None:
    decision = decide(client)
    assert not decision["degraded"]
    assert parse_id(decision["decision_id"]).tier == "SIMPLE"
    assert [score["provider"] for score in decision["scores"]] == ["ollama", "openai", "openrouter"]
    assert sum(score["probability"] for score in decision["scores"]) == pytest.approx(1.0)
    chosen = next(score for score in decision["scores"] if score["model"] == decision["model"])
    assert decision["propensity"] == chosen["probability"]


def test_candidates_of_the_request_take_the_place_of_the_tiers(client: httpx.Client) -> None:
    candidates = [{"provider": "a", "model": "x:1/y.z"}, {"provider": "b", "model": "m"}]
    decision = decide(client, tier="OPEN", candidates=candidates, metadata={"k": [1, {"n": None}]})
    assert [{"provider": s["provider"], "model": s["model"]} for s in decision["scores"]] == candidates


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({**REQUEST, "context": [1.0]}, 422, "context"),
        ({**REQUEST, "context": [1.0, float("nan"), 0.0]}, 422, "context[1]"),
        ({**REQUEST, "context": [1.0, 0.0, float("-inf")]}, 422, "context[2]"),
        ({**REQUEST, "tier": "NOPE"}, 422, "tier"),
        ({**REQUEST, "candidates": []}, 422, "candidates"),
        ({**REQUEST, "candidates": [{"provider": "a", "model": "m"}] * 2}, 422, "candidates[1]"),
        ({**REQUEST, "contxt": 1}, 422, "contxt"),
        ("nonsense", 422, ""),
    ],
)
def test_a_wrong_decision_request_names_the_field_and_changes_nothing(
    client: httpx.Client, nats_url: str, body: Any, status: int, field: str
) -> None:
    before = log_sizes(nats_url)
    answer = client.post("/v1/decisions", content=json.dumps(body))
    assert (answer.status_code, field_of(answer)) == (status, field)
    assert log_sizes(nats_url) == before


def test_what_is_no_json_is_a_400(client: httpx.Client) -> None:
    assert client.post("/v1/decisions", content=b"{").status_code == 400


def test_a_body_over_64_kb_is_refused_by_its_length_and_by_counting(client: httpx.Client) -> None:
    large = json.dumps({**REQUEST, "metadata": {"a": "x" * 70_000}}).encode()
    assert client.post("/v1/decisions", content=large).status_code == 413

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(large), 1000):
            yield large[at : at + 1000]

    with httpx.Client(base_url=client.base_url) as other:  # the connection is closed on such a client
        answer = other.post("/v1/outcomes", content=chunks())
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


# Outcomes


def test_an_outcome_is_accepted_learned_once_and_shown_with_the_decision(client: httpx.Client) -> None:
    decision = decide(client)
    answer = report(client, decision["decision_id"], quality=80, cost_usd=0.002, latency_ms=300)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")

    def applied() -> bool:
        return bool(client.get(f"/v1/decisions/{decision['decision_id']}").json()["outcome_status"] == "applied")

    wait_until(applied, "outcome applied")
    shown = client.get(f"/v1/decisions/{decision['decision_id']}").json()
    assert {name: shown[name] for name in ("decision_id", "provider", "model", "propensity", "scores")} == {
        name: decision[name] for name in ("decision_id", "provider", "model", "propensity", "scores")
    }
    assert shown["context"] == CONTEXT
    assert (shown["outcome"]["quality"], shown["outcome"]["cost_usd"]) == (80.0, 0.002)
    assert 0.0 <= shown["reward"] <= 80.0


def test_the_same_outcome_again_changes_nothing(client: httpx.Client, nats_url: str) -> None:
    decision_id = decide(client)["decision_id"]
    assert report(client, decision_id, reward=40).status_code == 202
    before = log_sizes(nats_url)
    again = report(client, decision_id, reward=40)
    assert (again.status_code, again.json()["status"]) == (200, "already_accepted")
    other = report(client, decision_id, reward=41)
    assert (other.status_code, field_of(other)) == (409, "reward")
    assert log_sizes(nats_url) == before


def test_an_outcome_that_the_log_no_longer_remembers_is_recognised_by_the_store(
    client: httpx.Client, nats_url: str
) -> None:
    decision_id = decide(client)["decision_id"]
    assert report(client, decision_id, quality=10).status_code == 202
    wait_until(
        lambda: bool(client.get(f"/v1/decisions/{decision_id}").json()["outcome_status"] == "applied"), "applied"
    )

    asyncio.run(forget_message_ids(nats_url))
    before = log_sizes(nats_url)
    assert report(client, decision_id, quality=10).status_code == 200
    assert report(client, decision_id, quality=11).status_code == 409
    assert log_sizes(nats_url) == before


async def forget_message_ids(nats_url: str) -> None:
    """Make the outcome log forget the ids of what it holds, as it does after two minutes."""
    bus = await Bus.connect(nats_url, "test")
    js = bus.nats.jetstream()
    settings = (await js.stream_info(OUTCOMES)).config
    kept_s, settings.duplicate_window = settings.duplicate_window, 0.1
    await js.update_stream(settings)
    header = {"Nats-Msg-Id": "probe"}
    await bus.append("outcomes.no-tier", b"{}", headers=header)
    while (await bus.append("outcomes.no-tier", b"{}", headers=header)).duplicate:
        pass
    settings.duplicate_window = kept_s
    await js.update_stream(settings)
    await bus.close()


@pytest.mark.parametrize(
    ("measured", "status", "field"),
    [
        ({"quality": 101}, 422, "quality"),
        ({"quality": float("nan")}, 422, "quality"),
        ({"cost_usd": -1}, 422, "cost_usd"),
        ({"reward": 5, "latency_ms": 1}, 422, "reward"),
        ({"qualty": 5}, 422, "qualty"),
        ({}, 422, ""),
    ],
)
def test_a_wrong_outcome_names_the_field_and_changes_nothing(
    client: httpx.Client, nats_url: str, measured: dict[str, Any], status: int, field: str
) -> None:
    decision_id = decide(client)["decision_id"]
    before = log_sizes(nats_url)
    answer = client.post("/v1/outcomes", content=json.dumps({"decision_id": decision_id, **measured}))
    assert (answer.status_code, field_of(answer)) == (status, field)
    assert log_sizes(nats_url) == before


def test_an_outcome_for_no_decision_is_refused(client: httpx.Client, nats_url: str) -> None:
    decision_id = decide(client)["decision_id"]
    tier, sequence, nonce = decision_id.split(".")
    before = log_sizes(nats_url)
    for wrong, status in {
        f"{tier}.{sequence}.{'0' * 16}": 404,
        f"{tier}.{int(sequence) + 1000}.{nonce}": 404,
        f"OPEN.{sequence}.{nonce}": 404,
        f"NOPE.{sequence}.{nonce}": 404,
        f"{tier}.0{sequence}.{nonce}": 422,
        f"{tier}.{sequence}": 422,
        "": 422,
    }.items():
        for answer in (report(client, wrong, quality=1), client.get(f"/v1/decisions/{wrong or 'x'}")):
            assert (answer.status_code, field_of(answer)) == (status, "decision_id"), wrong
    assert log_sizes(nats_url) == before


async def test_an_outcome_of_a_fallback_is_recorded_and_never_learned_from(client: httpx.Client, bus: Bus) -> None:
    assert report(client, "fallback.SIMPLE.0123456789abcdef", quality=50).status_code == 202
    stored = await bus.last(OUTCOMES, "outcomes.SIMPLE")
    assert stored is not None
    outcome = outcome_decoder.decode(stored.data)
    assert (outcome.decision_id, outcome.learn, outcome.quality) == ("fallback.SIMPLE.0123456789abcdef", False, 50.0)


async def test_an_outcome_in_the_log_stands_by_itself(client: httpx.Client, bus: Bus, config: Config) -> None:
    decision = decide(client)
    assert report(client, decision["decision_id"], quality=70).status_code == 202
    stored = await bus.last(OUTCOMES, "outcomes.SIMPLE")
    assert stored is not None
    outcome = outcome_decoder.decode(stored.data)
    assert outcome.decision_id == decision["decision_id"]
    assert (outcome.provider, outcome.model) == (decision["provider"], decision["model"])
    assert (outcome.context, outcome.propensity) == (CONTEXT, decision["propensity"])
    assert (outcome.policy, outcome.policy_version) == (decision["policy"], decision["policy_version"])
    assert outcome.rule == config.policy.spec().reward_rule(config.reward)


# Insight and policies


def test_arms_are_those_configured_and_those_learned_about(client: httpx.Client) -> None:
    decision = decide(client, tier="OPEN", candidates=[{"provider": "new", "model": "one"}])
    assert (
        report(
            client,
            decision["decision_id"],
            reward=60,
        ).status_code
        == 202
    )

    def arms(**query: Any) -> list[dict[str, Any]]:
        answer = client.get("/v1/arms", params=query)
        assert answer.status_code == 200
        listed: list[dict[str, Any]] = answer.json()["arms"]
        return listed

    wait_until(lambda: any(arm["provider"] == "new" for arm in arms(tier="OPEN")), "arm learned about")
    assert {arm["tier"] for arm in arms()} == {"SIMPLE", "OPEN"}
    (new,) = [arm for arm in arms(tier="OPEN", matrices="true") if arm["provider"] == "new"]
    assert (new["n"], new["mean_reward"], new["mean_cost_usd"]) == (1, 0.6, None)
    assert new["A"] == [[a * b + (i == j) for j, b in enumerate(CONTEXT)] for i, a in enumerate(CONTEXT)]
    assert new["b"] == [0.6 * a for a in CONTEXT]
    assert new["updated_at"].endswith("Z")
    assert "A" not in arms(tier="SIMPLE")[0]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/arms?tier=NOPE", 404, "tier"),
        ("/v1/arms?matrices=maybe", 422, "matrices"),
        ("/v1/arms?teir=SIMPLE", 422, "teir"),
        ("/v1/shadow/report?window=soon", 422, "window"),
        ("/v1/shadow/report?policy=none", 404, "policy"),
        ("/v1/events/decisions?tier=NOPE", 404, "tier"),
    ],
)
def test_a_wrong_parameter_is_named(client: httpx.Client, path: str, status: int, field: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, field_of(answer)) == (status, field)


def test_the_report_counts_the_decisions_that_a_shadow_saw(client: httpx.Client) -> None:
    decide(client)

    def counted() -> bool:
        body = client.get("/v1/shadow/report", params={"window": "24h", "tier": "SIMPLE", "policy": "greedy"}).json()
        (policy,) = body["policies"]
        return bool(policy["policy"] == "greedy" and policy["decisions"] > 0)

    wait_until(counted, "shadow report")


def test_a_policy_changed_over_http_decides(client: httpx.Client) -> None:
    body = {"active": {"name": "fixed", "algorithm": "static:openai:gpt-4o-mini"}}
    before = {p["tier"]: p for p in client.get("/v1/policies").json()["policies"]}["SIMPLE"]
    changed = client.put("/v1/policies/SIMPLE", json=body)
    assert changed.status_code == 200, changed.text
    view = changed.json()
    assert view["version"] > before["version"]
    assert (view["active"]["name"], view["changed_by"], view["shadows"]) == ("fixed", "api", before["shadows"])
    wait_until(lambda: bool(decide(client)["policy_version"] == view["version"]), "policy in force")
    assert decide(client)["model"] == "gpt-4o-mini"
    restored = client.put("/v1/policies/SIMPLE", json={"active": before["active"]}).json()
    wait_until(lambda: bool(decide(client)["policy_version"] == restored["version"]), "policy restored")


def test_what_is_in_force_and_where_it_comes_from_is_reported_and_the_file_can_be_returned_to(
    client: httpx.Client,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("POINTSMAN_GATEWAY_PORT", str(client.base_url.port))

    def check(file: Path) -> str:
        assert main(["config", "check", "--config", str(file)]) == 0
        return capsys.readouterr().out

    file, url = Path(environment["POINTSMAN_CONFIG"]), str(client.base_url)
    client.post("/v1/policies/SIMPLE/reset").raise_for_status()
    assert "These policies are in force at" in check(file)
    view = client.put("/v1/policies/SIMPLE", json={"active": {"name": "even", "algorithm": "uniform"}}).json()
    difference = "policy scaled-linucb is not in force: even = uniform is, set through the API by"
    assert view["source"] == "api"
    assert difference in view["override"]
    assert f"warning: tier SIMPLE: the file's {difference}" in check(file)
    edited = tmp_path / "edited.toml"
    edited.write_text(file.read_text() + "\n[policy]\nepsilon = 0.3\n")
    assert "The file applies when the gateway restarts with it" in check(edited)
    assert main(["policies", "--url", url]) == 0
    assert difference in capsys.readouterr().out.replace("\n", " ")
    assert main(["policies", "--tier", "SIMPLE", "--reset", "--url", url]) == 0
    assert "note" not in capsys.readouterr().out
    assert {p["tier"]: p["source"] for p in client.get("/v1/policies").json()["policies"]}["SIMPLE"] == "file"
    assert "These policies are in force at" in check(file)


def test_a_wrong_policy_changes_nothing(client: httpx.Client) -> None:
    before = client.get("/v1/policies").json()
    wrong = {"active": {"name": "x", "algorithm": "linucb", "parameters": {"epsilon": 7}}}
    answer = client.put("/v1/policies/SIMPLE", json=wrong)
    assert (answer.status_code, field_of(answer)) == (422, "active.parameters.epsilon")
    assert client.put("/v1/policies/NOPE", json=wrong).status_code == 404
    assert client.get("/v1/policies").json() == before


# Events


@pytest_asyncio.fixture
async def events(client: httpx.Client) -> AsyncIterator[AsyncIterator[str]]:
    """Lines of the event stream, once it listens."""
    async with (
        httpx.AsyncClient(base_url=client.base_url, timeout=20.0) as streaming,
        streaming.stream("GET", "/v1/events/decisions", params={"tier": "SIMPLE"}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        async for line in lines:
            if line == ": listening":
                break
        yield lines


async def test_a_decision_is_an_event_with_the_same_id(events: AsyncIterator[str], client: httpx.Client) -> None:
    decide(client, tier="OPEN", candidates=[{"provider": "a", "model": "m"}])  # another tier: not in this stream
    decision = decide(client)
    found = []
    async for line in events:
        if line.startswith(("event:", "id:", "data:")):
            found.append(line)
        if line.startswith("data:"):
            break
    assert found[:2] == ["event: decision", f"id: {decision['decision_id']}"]
    event = json.loads(found[2].removeprefix("data: "))
    assert event["decision_id"] == decision["decision_id"]
    assert event["scores"] == decision["scores"]


# Probes, pages, errors


def test_readiness_names_every_dependency(client: httpx.Client) -> None:
    readiness = client.get("/readyz").json()
    assert readiness["status"] == "ready"
    assert readiness["checks"] == dict.fromkeys(("nats", "streams", "writes", "store", "decision"), "ok")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_are_html_that_may_load_nothing_from_elsewhere(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert answer.text.startswith("<!doctype html>")


def test_metrics_label_routes_and_never_ids(client: httpx.Client) -> None:
    decision_id = decide(client)["decision_id"]
    client.get(f"/v1/decisions/{decision_id}")
    client.get("/no/such/route")
    text = client.get("/metrics").text
    assert 'pointsman_http_requests_total{route="/v1/decisions",status="200"}' in text
    assert 'pointsman_http_requests_total{route="/v1/decisions/{decision_id}",status="200"}' in text
    assert 'pointsman_http_requests_total{route="(none)",status="404"}' in text
    assert decision_id not in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/route", 404),
        ("GET", "/v1/decisions/", 404),
        ("GET", "/v1/decisions", 405),
        ("DELETE", "/v1/outcomes", 405),
        ("POST", "/v1/arms", 405),
    ],
)
def test_a_wrong_route_or_method_is_a_problem_too(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) == (status == 405)
