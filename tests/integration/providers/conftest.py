from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.providers.registry import Providers
from pointsman.llm.providers.upstream import Upstream
from tests.integration.providers.mock_provider import MockProvider, running

KEY = "sk-canary-0123456789abcdef"

UpstreamMaker = Callable[..., Upstream]


@pytest.fixture
async def mock() -> AsyncIterator[MockProvider]:
    async with running() as provider:
        yield provider


@pytest.fixture
async def upstream(mock: MockProvider) -> AsyncIterator[UpstreamMaker]:
    """Makes the arm ``p:m`` at the mock, of any kind and with any settings."""
    made: list[Providers] = []

    def make(kind: str = "openai", **settings: Any) -> Upstream:
        settings = {"base_url": mock.url, "api_key_env": "P_KEY", "retries": 0, **settings}
        config = ProviderConfig(name="p", kind=kind, **settings)  # type: ignore[arg-type]
        environ = {"P_KEY": KEY, "AWS_ACCESS_KEY_ID": "AKIDCANARY", "AWS_SECRET_ACCESS_KEY": "secret-canary-key"}
        providers = Providers([config], environ)
        made.append(providers)
        return providers.upstream(Arm("p", "m"))

    yield make
    for providers in made:
        await providers.close()
