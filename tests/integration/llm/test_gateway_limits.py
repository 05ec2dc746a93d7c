"""A limit of the gateway is answered with 503 and `Retry-After`, and no provider is blamed for it."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.runtime.bus import Bus
from tests.integration.llm.conftest import unique
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.loop_calls import read_all
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

DESCRIPTORS = 256
CONNECTIONS = DESCRIPTORS + 500
POOL = 4

CONFIG = """
[context]
dim = 12

[[provider]]
name = "wide"
kind = "openai"
base_url = "{url}/v1"
retries = 0
breaker_failures = 1

[[provider]]
name = "narrow"
kind = "openai"
base_url = "{url}/v1"
retries = 0
breaker_failures = 1
max_connections = {pool}
queue_timeout_ms = 200

[[provider]]
name = "single"
kind = "openai"
base_url = "{url}/v1"
retries = 0
breaker_failures = 1
max_connections = 1
queue_timeout_ms = 20000
answer_timeout_ms = 1000

[[tier]]
name = "WIDE"
arms = ["wide:m", "wide:n"]

[[tier]]
name = "NARROW"
arms = ["narrow:m", "wide:m"]
[tier.policy]
algorithm = "static:narrow:m"

[[tier]]
name = "SINGLE"
arms = ["single:m"]
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    server = MockProviderProcess("wide", tmp_path_factory.mktemp("wide"), "--models", "m,n")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config_toml(provider: MockProviderProcess) -> str:
    return CONFIG.format(url=provider.url, pool=POOL)


@pytest.fixture(scope="module")
def gateway(start_service: StartService, tmp_path_factory: pytest.TempPathFactory) -> ServiceProcess:
    """A gateway that may have few file descriptors."""
    folder = tmp_path_factory.mktemp("site")
    code = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))\n"
    (folder / "sitecustomize.py").write_text(code)
    started = start_service("gateway", wait_for="/healthz", PYTHONPATH=str(folder), **RELAXED_TIMEOUTS)
    start_service("decision", **RELAXED_TIMEOUTS)
    return started


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let the test have a connection for each request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def ask_at_once(gateway: ServiceProcess, tier: str, requests: int, latency_ms: int) -> Counter[int]:
    """Return the statuses of requests on connections of their own; 0 for a closed connection."""

    async def ask(client: httpx.AsyncClient) -> int:
        text = f"{unique('hello')} [mock latency-ms={latency_ms}]"
        body = {"model": f"tier/{tier}", "messages": [{"role": "user", "content": text}]}
        try:
            answer = await client.post("/v1/chat/completions", json=body)
        except httpx.TransportError:
            return 0
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["error"]["message"]
        return answer.status_code

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60.0, limits=limits) as client:
        return Counter(await asyncio.gather(*(ask(client) for _ in range(requests))))


async def learned(bus: Bus, tier: str) -> list[Outcome]:
    found = [outcome_decoder.decode(data) for data in await read_all(bus, subjects.OUTCOMES, subjects.outcomes(tier))]
    return [outcome for outcome in found if outcome.learn]


async def only_answers_are_learned_from(bus: Bus, tier: str, answered: int) -> None:
    async def all_there() -> bool:
        return len(await learned(bus, tier)) >= answered

    await eventually(all_there, f"{answered} outcomes of {tier}")
    outcomes = await learned(bus, tier)
    assert len(outcomes) == answered
    assert all(outcome.served and outcome.served.model for outcome in outcomes)


def refusals(gateway: ServiceProcess, limit: str) -> float:
    lines = httpx.get(gateway.url + "/metrics").text.splitlines()
    begin = f'pointsman_gateway_limits_total{{limit="{limit}"}} '
    return next((float(line.removeprefix(begin)) for line in lines if line.startswith(begin)), 0.0)


async def test_more_connections_than_file_descriptors(
    gateway: ServiceProcess, bus: Bus, many_descriptors: None
) -> None:
    statuses = await ask_at_once(gateway, "WIDE", CONNECTIONS, latency_ms=300)
    assert set(statuses) <= {200, 503, 0}, statuses
    assert statuses[200] >= 50, statuses
    assert (await ask_at_once(gateway, "WIDE", 5, latency_ms=0))[200] == 5, "the breaker of the provider is closed"
    assert refusals(gateway, "connections") > 0
    await only_answers_are_learned_from(bus, "WIDE", statuses[200] + 5)


async def test_full_pool_of_connections_to_a_slow_provider(gateway: ServiceProcess, bus: Bus) -> None:
    statuses = await ask_at_once(gateway, "NARROW", 6 * POOL, latency_ms=800)
    assert statuses == Counter({200: POOL, 503: 5 * POOL})
    assert (await ask_at_once(gateway, "NARROW", 1, latency_ms=0))[200] == 1, "the breaker of the provider is closed"
    assert refusals(gateway, "provider_connections") == 5 * POOL
    await only_answers_are_learned_from(bus, "NARROW", POOL + 1)


async def test_the_wait_for_a_connection_is_not_the_time_of_the_provider(gateway: ServiceProcess, bus: Bus) -> None:
    statuses = await ask_at_once(gateway, "SINGLE", 4, latency_ms=500)
    assert statuses == Counter({200: 4}), "all wait longer together than the provider may take for one"
    await only_answers_are_learned_from(bus, "SINGLE", 4)
    latencies = [outcome.latency_ms or 0.0 for outcome in await learned(bus, "SINGLE")]
    assert max(latencies) < 1000.0, "the answer time that ends a call is the bound of what is learned"
