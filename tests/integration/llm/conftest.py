"""The gateway with mock providers behind it, and the whole stack behind both."""

from __future__ import annotations

import time
from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, free_port, http_status

MOCK_KEY = "mock-key-0123456789"

CONFIG = """
[context]
dim = 12

[policy]  # every choice of which is explored
algorithm = "uniform"

[llm]
session_ttl_s = 600
switching_cost = 1.0
outcome_retry_s = 60

[gateway]
log_timeout_ms = 2000

[[provider]]
name = "alpha"
kind = "openai"
base_url = "{alpha}/v1"
api_key_env = "MOCK_KEY"
max_tokens_field = "max_completion_tokens"
retries = 1
breaker_failures = 1000000

[[provider]]
name = "beta"
kind = "anthropic"
base_url = "{beta}"
api_key_env = "MOCK_KEY"
retries = 0
first_byte_timeout_ms = 1000
answer_timeout_ms = 1000
breaker_failures = 1000000

[[provider]]
name = "closed"
kind = "openai"
base_url = "http://127.0.0.1:{closed}/v1"
retries = 0
breaker_failures = 1000000

[[tier]]
name = "ONE"
arms = ["alpha:small"]

[[tier]]
name = "MIX"
arms = ["alpha:small", "beta:large"]

[[tier]]
name = "FALL"
arms = ["alpha:broken", "alpha:small"]
[tier.policy]
algorithm = "static:alpha:broken"

[[tier]]
name = "DEAD"
arms = ["alpha:broken", "closed:there"]
[tier.policy]
algorithm = "static:alpha:broken"

[[tier]]
name = "THRIFTY"
arms = ["alpha:broken", "alpha:small"]
[tier.policy]
algorithm = "cheapest"

[[tier]]
name = "EFFORT"
arms = ["alpha:gpt-5@low", "alpha:gpt-5@high", "beta:claude-opus-4-6@low", "beta:claude-sonnet-4-5@high"]

[[tier]]
name = "NO_TOOLS"
arms = ["alpha:gpt-5.6@high", "alpha:gpt-5.6@none"]
[tier.policy]
algorithm = "static:alpha:gpt-5.6@high"

[[tier]]
name = "EMPTY"
"""


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    """An OpenAI-shaped provider with a model that always fails."""
    models = ("broken,fail-rate=1,fail-status=500", "gpt-5@high,words=40", "gpt-5", "gpt-5.6", "small")
    options = [text for model in models for text in ("--model", model)]
    server = MockProviderProcess("alpha", tmp_path_factory.mktemp("alpha"), *options, "--api-key", MOCK_KEY)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def beta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    """An Anthropic-shaped provider."""
    options = ("--models", "large,claude-opus-4-6,claude-sonnet-4-5", "--api-key", MOCK_KEY)
    server = MockProviderProcess("beta", tmp_path_factory.mktemp("beta"), *options)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess, beta: MockProviderProcess) -> str:
    return CONFIG.format(alpha=alpha.url, beta=beta.url, closed=free_port())


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    """Gateway, one decision replica and the reward-updater, by name, ready."""
    gateway = start_service("gateway", wait_for="/healthz", MOCK_KEY=MOCK_KEY, **RELAXED_TIMEOUTS)
    others = {name: start_service(name, **RELAXED_TIMEOUTS) for name in ("decision", "reward_updater")}
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return {"gateway": gateway, **others}


@pytest.fixture
def openai_client(services: dict[str, ServiceProcess]) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, which asks once and does not try again."""
    with openai.OpenAI(base_url=services["gateway"].url + "/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(services: dict[str, ServiceProcess]) -> Iterator[anthropic.Anthropic]:
    """Anthropic's own client, which asks once and does not try again."""
    with anthropic.Anthropic(base_url=services["gateway"].url, api_key="none", max_retries=0) as client:
        yield client


def unique(text: str) -> str:
    """Return a message that no test has sent before: conversations that begin alike are taken for one."""
    return f"{text} ({time.monotonic_ns()})"
