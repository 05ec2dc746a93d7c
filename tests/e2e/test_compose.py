"""``docker-compose.yml``: whether Compose reads it, and, where asked for, the whole thing in containers.

The second part builds an image and takes minutes: POINTSMAN_TEST_DOCKER=1 asks for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest

from tests.e2e.compose_project import (
    SERVICES,
    SETUP,
    ComposeProject,
    engine_answers,
    find_compose,
    host_address,
    kill_process_of,
)
from tests.support.mock_provider import MockProviderProcess
from tests.support.waiting import eventually

REPLICAS = 3
CONTEXT = [0.5] * 12
PROVIDER_KEY = "sk-of-the-compose-test"
OLLAMA_PORT = 11434

with_compose = pytest.mark.skipif(find_compose() is None, reason="there is no docker compose here")


@with_compose
@pytest.mark.e2e
def test_compose_reads_the_file_and_finds_six_services_and_what_makes_their_passwords() -> None:
    project = ComposeProject("pointsman-config-test")
    found = set(project.run("config", "--services").split())
    in_profiles = {"operator", "prometheus", "grafana"}  # listed or not, by the version of Compose
    assert found - in_profiles == {*SERVICES, SETUP}


@with_compose
@pytest.mark.e2e
def test_compose_passes_provider_keys_from_its_environment() -> None:
    project = ComposeProject("pointsman-config-test")
    shown = project.run("config", OPENAI_API_KEY=PROVIDER_KEY)
    gateway_and_operator = shown.count(PROVIDER_KEY)  # newer versions of Compose leave out the operator, a profile
    assert gateway_and_operator in (1, 2)


@with_compose
@pytest.mark.e2e
@pytest.mark.parametrize("variable", ["GATEWAY_PORT", "NATS_PORT"])
def test_an_address_in_the_variable_of_a_port_is_refused(variable: str) -> None:
    """Docker publishes on every interface when it cannot read the address that Compose passes on."""
    refused = ComposeProject("pointsman-config-test").complete("config", **{variable: "127.0.0.1:18081"})
    assert refused.returncode != 0
    assert "port" in refused.stderr


@pytest.fixture(scope="module")
def project() -> Iterator[ComposeProject]:
    if os.environ.get("POINTSMAN_TEST_DOCKER") != "1":
        pytest.skip("builds an image and starts containers: set POINTSMAN_TEST_DOCKER=1")
    if find_compose() is None or not engine_answers():
        pytest.skip("POINTSMAN_TEST_DOCKER is set, but there is no docker compose, or no Docker engine answers")
    project = ComposeProject(f"pointsman-test-{os.getpid()}", OPENAI_API_KEY=PROVIDER_KEY)
    try:
        project.up(REPLICAS, "--build")
        yield project
    finally:
        project.run("down", "--volumes", "--rmi", "local")


in_containers = [pytest.mark.e2e, pytest.mark.timeout(1200)]


async def decide(http: httpx.AsyncClient) -> dict[str, Any]:
    reply = await http.post("/v1/decisions", json={"tier": "SIMPLE", "context": CONTEXT})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def learn(http: httpx.AsyncClient) -> str:
    """Have a decision made by the policy, send its outcome, wait until it is learned; return the decision's id."""
    chosen: dict[str, Any] = {}

    async def decided() -> bool:
        chosen.update(await decide(http))
        return not chosen["degraded"]

    await eventually(decided, "a decision that a policy made")
    outcome = {"decision_id": chosen["decision_id"], "quality": 80.0, "cost_usd": 0.001, "latency_ms": 400.0}

    async def accepted() -> bool:
        return (await http.post("/v1/outcomes", json=outcome)).status_code == 202

    async def applied() -> bool:
        return (await http.get(f"/v1/decisions/{chosen['decision_id']}")).json().get("reward") is not None

    await eventually(accepted, "the outcome is accepted")
    await eventually(applied, "the outcome is learned")
    return str(chosen["decision_id"])


async def arms(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What was learned; decisions that await their outcome are counted by each replica from its start on."""
    reply = await http.get("/v1/arms", params={"matrices": "true"})
    found = [{**arm, "under_way": None, "held_back": False} for arm in reply.json()["arms"]]
    return sorted(found, key=lambda arm: (arm["tier"], arm["provider"], arm["model"]))


class TestInContainers:
    pytestmark = in_containers

    def test_only_the_gateway_and_nats_are_published_and_on_loopback(self, project: ComposeProject) -> None:
        published = {service: project.published_on(service) for service in SERVICES}
        assert {service: where for service, where in published.items() if where} == {
            "gateway": {"127.0.0.1"},
            "nats": {"127.0.0.1"},
        }

    def test_a_web_page_cannot_use_the_gateway(self, project: ComposeProject) -> None:
        promote = f"{project.gateway_url}/v1/policies/SIMPLE/promote"
        form = {"content-type": "text/plain", "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert httpx.post(promote, content='{"policy":"greedy"}', headers=form).status_code == 403
        rebound = httpx.get(f"{project.gateway_url}/v1/arms", headers={"host": "evil.example:8080"})
        assert rebound.status_code == 421

    def test_only_the_gateway_gets_the_provider_keys(self, project: ComposeProject) -> None:
        assert project.environment_of("gateway")["OPENAI_API_KEY"] == PROVIDER_KEY
        assert "ANTHROPIC_API_KEY" not in project.environment_of("gateway")  # it is not set here
        for service in SERVICES:
            if service != "gateway":
                assert PROVIDER_KEY not in project.environment_of(service).values()

    def test_a_chat_request_is_answered_by_ollama_on_the_host(self, project: ComposeProject, tmp_path: Path) -> None:
        ollama = MockProviderProcess("ollama", tmp_path, "--host", host_address())
        ollama.port, ollama.url = OLLAMA_PORT, f"http://{host_address()}:{OLLAMA_PORT}"
        ollama.start()
        try:
            chat = {"model": "ollama:llama3.2", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
            answer = httpx.post(f"{project.gateway_url}/v1/chat/completions", json=chat, timeout=30.0)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-pointsman-model"] == "llama3.2"
            assert ollama.seen()
            doctor = project.complete("run", "--rm", "-T", "operator", "doctor").stdout
            assert re.search(r"ok +model ollama:llama3.2", doctor), doctor
        finally:
            ollama.stop()

    def test_a_gateway_that_is_published_for_other_machines_needs_keys(self, project: ComposeProject) -> None:
        published = {"GATEWAY_ADDRESS": "0.0.0.0"}  # `run` publishes no port
        anonymous = project.complete("run", "--rm", "-T", "--no-deps", "gateway", **published)
        assert anonymous.returncode != 0
        assert "gateway.published_host: other machines can reach '0.0.0.0'" in anonymous.stdout + anonymous.stderr
        keyed = {**published, "GATEWAY_KEYS_FILE": "/keys/keys"}
        create = ("operator", "keys", "create", "--name", "app", "--scopes", "decide")
        assert project.run("run", "--rm", "-T", "--no-deps", *create, **keyed).count("pm_") >= 1
        assert "app" in project.run("run", "--rm", "-T", "--no-deps", "gateway", "keys", "list", **keyed)
        project.run("run", "--rm", "-T", "--no-deps", "gateway", "config", "check", **keyed)

    async def test_a_subscriber_sees_the_decision_and_its_outcome_is_learned(self, project: ComposeProject) -> None:
        client = await nats.connect(project.nats_url_as("observer"))
        try:
            topic = await client.subscribe("decisions.>")
            await client.flush()
            async with httpx.AsyncClient(base_url=project.gateway_url) as http:
                decision_id = await learn(http)

            async def seen() -> bool:
                return bool(json.loads((await topic.next_msg(timeout=10.0)).data)["decision_id"] == decision_id)

            await eventually(seen, "the decision on its topic")
        finally:
            await client.close()

    async def test_scaled_replicas_share_the_queue_group(self, project: ComposeProject) -> None:
        assert await asyncio.to_thread(project.responding_replicas) == REPLICAS

    async def test_decisions_go_on_when_a_replica_crashes_and_it_is_started_again(
        self, project: ComposeProject
    ) -> None:
        async with httpx.AsyncClient(base_url=project.gateway_url) as http:
            await asyncio.to_thread(kill_process_of, project.containers("decision")[0])
            for _ in range(20):
                await decide(http)
            await learn(http)

        async def all_are_back() -> bool:
            return await asyncio.to_thread(project.responding_replicas) == REPLICAS

        await eventually(all_are_back, "the crashed replica is back", within_s=60.0)

    @pytest.mark.parametrize("service", ["nats", "redis"])
    async def test_the_loop_closes_again_after_a_restart_of(self, project: ComposeProject, service: str) -> None:
        await asyncio.to_thread(project.run, "restart", service)
        async with httpx.AsyncClient(base_url=project.gateway_url) as http:
            await learn(http)
        await asyncio.to_thread(project.until_healthy, len(SERVICES) - 1 + REPLICAS)

    async def test_what_was_learned_outlives_down_and_up(self, project: ComposeProject) -> None:
        async with httpx.AsyncClient(base_url=project.gateway_url) as http:
            decision_id = await learn(http)
            before = await arms(http)
            decision = (await http.get(f"/v1/decisions/{decision_id}")).json()
        await asyncio.to_thread(project.run, "down")
        await asyncio.to_thread(project.up, REPLICAS)
        async with httpx.AsyncClient(base_url=project.gateway_url) as http:
            assert await arms(http) == before
            assert sum(arm["n"] for arm in before) > 0
            assert (await http.get(f"/v1/decisions/{decision_id}")).json() == decision
