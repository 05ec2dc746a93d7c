"""The servers and services of the integration tests, for the attacks of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.access import SCOPES, add_key, make_key
from tests.integration.conftest import (
    CONFIG_TOML,
    bus,
    client,
    config,
    empty_servers,
    environment,
    nats_server,
    nats_url,
    services,
    start_service,
    store,
    store_server,
    store_url,
)

__all__ = [
    "bus",
    "client",
    "config",
    "config_toml",
    "empty_servers",
    "environment",
    "nats_server",
    "nats_url",
    "services",
    "start_service",
    "store",
    "store_server",
    "store_url",
]


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
def config_toml(keys_file: Path, api_key: str) -> str:
    """The configuration: a gateway that wants keys, and has little patience with slow requests."""
    return f'{CONFIG_TOML}\n[gateway]\nkeys_file = "{keys_file}"\nread_timeout_ms = 700\n'
