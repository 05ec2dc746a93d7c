"""The whole stack with traces on, two decision replicas in it, and a collector behind it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.integration.tracing.collector import SAMPLED, Collector
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService, service_environment
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, http_status

CONFIG = """
[context]
dim = 12

[tracing]
enabled = true
sample_ratio = 0.0  # so that what is sampled is what the client asks for

[[provider]]
name = "alpha"
kind = "openai"
base_url = "{alpha}/v1"
retries = 0

[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini"]

[[tier]]
name = "FALL"
arms = ["alpha:broken", "alpha:small"]
[tier.policy]
algorithm = "static:alpha:broken"

[[tier]]
name = "WAIT"
arms = ["alpha:small"]
reward_wait_s = 0.2

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
"""


class ClientSpan(NamedTuple):
    """What a client that traces itself sends."""

    trace_id: str
    span_id: str
    flags: str

    @classmethod
    def new(cls, flags: str = SAMPLED) -> ClientSpan:
        return cls(secrets.token_hex(16), secrets.token_hex(8), flags)

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags}"}


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    """A provider with a model that always fails."""
    options = ("--model", "broken,fail-rate=1,fail-status=500", "--models", "small")
    server = MockProviderProcess("alpha", tmp_path_factory.mktemp("alpha"), *options)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess) -> str:
    return CONFIG.format(alpha=alpha.url)


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, config_toml: str, nats_url: str, store_url: str, collector: Collector
) -> dict[str, str]:
    made = service_environment(tmp_path_factory, config_toml, nats_url, store_url)
    return {**made, "POINTSMAN_TRACING_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    names = ("decision", "decision-2", "reward_updater", "shadow_evaluator")
    others = {name: start_service(name, **RELAXED_TIMEOUTS) for name in names}
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return {"gateway": gateway, **others}


@pytest.fixture(scope="module")
def client(services: dict[str, ServiceProcess]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0) as connected:
        yield connected
