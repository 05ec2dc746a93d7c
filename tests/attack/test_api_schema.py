"""Everything that the API's description allows, and much that it does not, sent to a real gateway by schemathesis.

It derives requests from the description, valid and broken ones, and checks of each answer: no 5xx but those that are
described, a described status, content type and body, broken requests refused, wrong methods answered as such.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway_calls import decide
from tests.support.processes import NatsServer, ServiceProcess, StoreServer, http_status
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

EXAMPLES = 60
"""Of each operation, in addition to those that vary its parameters one by one."""

NOT_CHECKED = (
    "not_a_server_error",  # a 503 is right where it is described; see `attack`
    "ignored_auth",  # sends a wrong key in one header and the right one in another; see test_gateway_access.py
    "positive_data_acceptance",  # no schema expresses which tiers exist and which candidates are repeated
)
NEVER_ENDS = "/v1/events/decisions"

Statuses = Counter[tuple[str, str, int]]


@pytest.fixture
def keyed(client: httpx.Client, api_key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=client.base_url, timeout=20.0, headers={"x-api-key": api_key}) as connected:
        yield connected


def described(keyed: httpx.Client) -> dict[str, Any]:
    """The description with what only this installation knows: its tiers, d, and ids, so that requests get far."""
    api: dict[str, Any] = keyed.get("/openapi.json").json()
    tiers = {"enum": ["SIMPLE", "OPEN", "NOPE"]}
    ids = [decide(keyed)["decision_id"] for _ in range(4)]
    ids += ["fallback.SIMPLE.0123456789abcdef", ids[0][:-1] + ("0" if ids[0][-1] != "0" else "1"), "x", ""]
    types = api["components"]["schemas"]
    types["DecisionRequest"]["properties"]["tier"] |= tiers
    types["DecisionRequest"]["properties"]["context"] |= {"minItems": 3, "maxItems": 3}
    types["Candidate"]["properties"]["provider"] |= {"enum": ["ollama", "openai"]}
    types["Candidate"]["properties"]["model"] |= {"enum": ["llama3.2", "gpt-4o-mini"]}
    types["OutcomeReport"]["properties"]["decision_id"] |= {"enum": ids}
    models = {"enum": ["auto", "tier/SIMPLE", "tier/OPEN", "tier/NOPE", "ollama:llama3.2"]}
    types["ChatRequestBody"]["properties"]["model"] |= models
    known = {"tier": tiers, "decision_id": {"enum": ids[:-1]}, "model": models}
    for methods in api["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"] = known.get(parameter["name"], parameter["schema"])
    return api


def attack(api: dict[str, Any], url: str, api_key: str, folder: Path) -> Statuses:
    """Run schemathesis; return how often each operation gave each status."""
    description, events = folder / "openapi.json", folder / "events.ndjson"
    description.write_text(json.dumps(api))
    options = {
        "--url": url,
        "--header": f"x-api-key: {api_key}",
        "--exclude-path": NEVER_ENDS,
        "--exclude-checks": ",".join(NOT_CHECKED),
        "--phases": "examples,coverage,fuzzing",
        "--max-examples": str(EXAMPLES),
        "--generation-with-security-parameters": "false",
        "--suppress-health-check": "all",
        "--request-timeout": "20",
        "--report": "ndjson",
        "--report-ndjson-path": str(events),
    }
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(description), "--no-color"]
    command += [word for option in options.items() for word in option]
    command += ["--generation-deterministic", "--continue-on-failure"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = statuses(events)
    assert not [operation for operation in found if operation[2] >= 500 and operation[2] != 503]
    return found


def statuses(events: Path) -> Statuses:
    found: Statuses = Counter()
    for line in events.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case, exchange in recorder.get("interactions", {}).items():
            sent = recorder["cases"][case]["value"]
            assert exchange["response"] is not None, f"no answer to {sent}"
            found[sent["method"], sent["path"], exchange["response"]["status_code"]] += 1
    return found


@contextmanager
def gone(server: NatsServer | StoreServer, gateway: ServiceProcess) -> Iterator[None]:
    """Without a server; with it again, and everything ready, afterwards."""
    server.stop()
    wait_until(lambda: http_status(gateway.url + "/readyz") == 503, "outage noticed")
    try:
        yield
    finally:
        server.start()
        wait_until(lambda: http_status(gateway.url + "/readyz") == 200, "ready again", 60.0)


@pytest.fixture
def survivors(services: dict[str, ServiceProcess]) -> Iterator[None]:
    """Fails the test when a service ended meanwhile; nothing starts one again here."""
    yield
    assert all(service.running for service in services.values())


@pytest.mark.usefixtures("survivors")
def test_every_request_is_answered_as_described(
    keyed: httpx.Client, services: dict[str, ServiceProcess], api_key: str, tmp_path: Path
) -> None:
    found = attack(described(keyed), services["gateway"].url, api_key, tmp_path)
    for reached in (
        ("POST", "/v1/decisions", 200),
        ("POST", "/v1/decisions", 422),
        ("POST", "/v1/outcomes", 202),
        ("GET", "/v1/decisions/{decision_id}", 200),
        ("GET", "/v1/arms", 200),
        ("PUT", "/v1/policies/{tier}", 200),
        ("GET", "/v1/shadow/report", 200),
        ("POST", "/v1/chat/completions", 200),
        ("POST", "/v1/chat/completions", 404),
        ("POST", "/v1/messages", 200),
        ("GET", "/v1/models/{model}", 200),
    ):
        assert found[reached], f"never reached: {reached}, of {found}"
    assert not [operation for operation in found if operation[2] >= 500]
    decide(keyed)


@pytest.mark.usefixtures("survivors")
def test_every_request_is_answered_as_described_without_the_store(
    keyed: httpx.Client,
    services: dict[str, ServiceProcess],
    api_key: str,
    store_server: StoreServer,
    tmp_path: Path,
) -> None:
    api = described(keyed)
    with gone(store_server, services["gateway"]):
        found = attack(api, services["gateway"].url, api_key, tmp_path)
    assert found["POST", "/v1/decisions", 200]
    assert found["POST", "/v1/outcomes", 202]
    assert found["GET", "/v1/arms", 503]
    assert not found["GET", "/v1/arms", 200]


@pytest.mark.usefixtures("survivors")
def test_every_request_is_answered_as_described_without_nats(
    keyed: httpx.Client, services: dict[str, ServiceProcess], api_key: str, nats_server: NatsServer, tmp_path: Path
) -> None:
    api = described(keyed)
    with gone(nats_server, services["gateway"]):
        found = attack(api, services["gateway"].url, api_key, tmp_path)
    assert found["POST", "/v1/decisions", 200]
    assert found["POST", "/v1/outcomes", 503]
    assert found["PUT", "/v1/policies/{tier}", 503]
    assert not found["POST", "/v1/outcomes", 202]
