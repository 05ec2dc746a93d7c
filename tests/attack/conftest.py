"""A gateway that requires API keys, with a mock provider behind every arm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.contracts.access.key_file import add_key
from pointsman.contracts.access.keys import SCOPES, make_key
from tests.support.fixtures import CONFIG_TOML
from tests.support.mock_provider import MockProviderProcess


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def api_key(keys_file: Path) -> str:
    """A key that may do everything."""
    key, stored = make_key("attacker", SCOPES)
    add_key(keys_file, stored)
    return key


@pytest.fixture(scope="module")
def mock_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    """What all arms are served by."""
    server = MockProviderProcess("mock", tmp_path_factory.mktemp("mock"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config_toml(keys_file: Path, api_key: str, mock_provider: MockProviderProcess) -> str:
    """The configuration: a gateway that wants keys, and has little patience with slow requests."""
    gateway = f'[gateway]\nkeys_file = "{keys_file}"\nread_timeout_ms = 700\n'
    url = f'kind = "openai"\nbase_url = "{mock_provider.url}/v1"\n'
    providers = [f'[[provider]]\nname = "{name}"\n{url}' for name in ("ollama", "openai", "openrouter")]
    llm = '[llm]\nfeatures = "tests.attack.features:Three"\n'
    return "\n".join([CONFIG_TOML, gateway, llm, *providers])
