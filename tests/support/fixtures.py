"""Fixtures with real servers and services: one NATS and one store per session, emptied before each module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import nats
import pytest
import pytest_asyncio
import redis

from pointsman.contracts.config import Config, load_config
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.guarded_servers import GuardedServers
from tests.support.processes import NatsServer, ServiceProcess, StoreServer, http_status

CONFIG_TOML = """
[context]
dim = 3

[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini", "openrouter:meta-llama/llama-3.1-70b"]
fallback = "openai:gpt-4o-mini"

[[tier]]
name = "OPEN"

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
"""

RELAXED_TIMEOUTS = {"POINTSMAN_GATEWAY_DECIDE_TIMEOUT_MS": "2000", "POINTSMAN_DECISION_LOG_TIMEOUT_MS": "2000"}
"""Timeouts long enough that a busy machine does not turn a decision into a fallback."""

StartService = Callable[..., ServiceProcess]


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """The server process. A test that stops it must start it again."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """The server process. A test that stops it must start it again."""
    server = StoreServer(tmp_path_factory.mktemp("store"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture(scope="session")
def store_url(store_server: StoreServer) -> str:
    return store_server.url


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServers]:
    """NATS and a store of the module that accept only the users of `pointsman.contracts.access`."""
    servers = GuardedServers(tmp_path_factory.mktemp("guarded"))
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def empty_servers(nats_url: str, store_url: str) -> None:
    """Both servers without a stream and without a key."""

    async def delete_streams() -> None:
        client = await nats.connect(nats_url)
        manager = client.jetstream()
        for stream in await manager.streams_info():
            await manager.delete_stream(str(stream.config.name))
        await client.close()

    asyncio.run(delete_streams())
    with redis.Redis.from_url(store_url) as client:
        client.flushall()


@pytest.fixture(scope="module")
def config_toml() -> str:
    """Content of the configuration file; a module overrides it with a fixture of the same name."""
    return CONFIG_TOML


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, config_toml: str, nats_url: str, store_url: str
) -> dict[str, str]:
    """Environment variables of the module's services."""
    return service_environment(tmp_path_factory, config_toml, nats_url, store_url)


def service_environment(
    tmp_path_factory: pytest.TempPathFactory, config_toml: str, nats_url: str, store_url: str
) -> dict[str, str]:
    """Write the configuration file; return the environment variables that name it and the servers."""
    file = tmp_path_factory.mktemp("config") / "pointsman.toml"
    file.write_text(config_toml, encoding="utf-8")
    return {
        "POINTSMAN_CONFIG": str(file),
        "POINTSMAN_NATS_URL": nats_url,
        "POINTSMAN_REDIS_URL": store_url,
        "POINTSMAN_GATEWAY_PORT": "0",
        "POINTSMAN_PROBE_PORT": "0",
        "POINTSMAN_LOG_FORMAT": "json",
        "POINTSMAN_GATEWAY_DRAIN_TIMEOUT_S": "2",  # tests end with streams that nothing reads
    }


@pytest.fixture(scope="module")
def config(environment: dict[str, str], empty_servers: None) -> Config:
    return load_config(environ=environment)


@pytest.fixture(scope="module")
def start_service(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], empty_servers: None
) -> Iterator[StartService]:
    """Start a service and wait until it is ready. After the module all are stopped and must exit with 0.

    ``start_service("decision-2")`` is a second decision replica; ``wait_for="/healthz"`` waits for liveness only;
    other keyword arguments are additional environment variables.
    """
    folder = tmp_path_factory.mktemp("services")
    started: list[ServiceProcess] = []

    def start(name: str, wait_for: str = "/readyz", **variables: str) -> ServiceProcess:
        service = ServiceProcess(name, folder, {**environment, **variables})
        started.append(service)
        service.start(wait_for)
        return service

    yield start
    codes = {service.name: service.stop() for service in reversed(started)}
    assert all(code in (0, None) for code in codes.values()), codes


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    """All four services, by name, ready."""
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    others = {
        name: start_service(name, **RELAXED_TIMEOUTS) for name in ("decision", "reward_updater", "shadow_evaluator")
    }
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return {"gateway": gateway, **others}


@pytest.fixture(scope="module")
def client(services: dict[str, ServiceProcess]) -> Iterator[httpx.Client]:
    """A client of the gateway with all services behind it."""
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0) as connected:
        yield connected


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A connection for one test."""
    connected = await Bus.connect(nats_url, "test")
    yield connected
    await connected.close()


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A connection for one test."""
    connected = Store(store_url)
    yield connected
    await connected.close()
