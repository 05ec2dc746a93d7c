"""Secrets of ``pointsman up``: file permissions, and the passwords that each process gets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client

from pointsman.cli.stack.embedded_servers import server_name
from tests.e2e.running_stack import RunningStack
from tests.support.impostor import Impostor, nats_greeting

pytestmark = pytest.mark.e2e

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows environments and sockets as files")
SERVICES = {
    "gateway": "gateway",
    "decision": "decision",
    "shadow_evaluator": "shadow-evaluator",
    "reward_updater": "reward-updater",
}

_MORE_CONFIG = """
[decision]
pass_environment = ["CUSTOM_POLICY_KEY"]

[[provider]]
name = "openai"
api_key_env = "TEAM_KEY"
headers = { "x-team" = "env:TEAM_HEADER" }

[[provider]]
name = "bedrock"
region = "eu-central-1"
"""
CANARIES: dict[str, set[str]] = {
    "TEAM_KEY": {"gateway"},
    "TEAM_HEADER": {"gateway"},
    "AWS_SECRET_ACCESS_KEY": {"gateway"},
    "AWS_SESSION_TOKEN": {"gateway"},
    "HTTPS_PROXY": {"gateway"},
    "CUSTOM_POLICY_KEY": {"decision"},
    "OPENAI_API_KEY": set(),
    "ANTHROPIC_API_KEY": set(),
    "DATABASE_PASSWORD": set(),
    "OTEL_EXPORTER_OTLP_HEADERS": set(),
    "SSH_AUTH_SOCK": set(),
}
"""Variables of the shell that started the stack, and the processes that need them."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = RunningStack(tmp_path_factory.mktemp("stack"))
    _older_data_dir(stack.folder / "data")
    with (stack.folder / "pointsman.toml").open("a", encoding="utf-8") as config:
        config.write(_MORE_CONFIG)
    umask = os.umask(0)
    with pytest.MonkeyPatch.context() as patch:
        for name in CANARIES:
            patch.setenv(name, f"canary-of-{name}")
        patch.setenv("POINTSMAN_API_KEY", "canary-of-POINTSMAN_API_KEY")
        stack.start("--port", "0")
    os.umask(umask)
    stack.decide_and_learn()
    yield stack
    stack.end()


def _older_data_dir(data: Path) -> None:
    """A data directory as an older version left it: readable by everyone."""
    (data / "store" / "appendonlydir").mkdir(parents=True)
    (data / "logs").mkdir()
    (data / "logs" / "gateway.log").write_text("an old line\n", encoding="utf-8")
    for path in (data, *data.rglob("*")):
        path.chmod(0o777)


@pytest.fixture(scope="module")
def passwords(stack: RunningStack) -> dict[str, dict[str, str]]:
    held: dict[str, dict[str, str]] = json.loads((stack.folder / "data" / "credentials.json").read_text())
    return held


def test_whatever_the_stack_writes_is_readable_by_its_owner_only(stack: RunningStack) -> None:
    data = stack.folder / "data"
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (data, *data.rglob("*")) if not path.is_symlink()}
    assert {path.name for path in modes} >= {
        "credentials.json",
        "stack.json",
        "nats.conf",
        "valkey.acl",
        "observer.url",
    }
    assert any("appendonly" in path.name for path in modes) and any(path.suffix == ".blk" for path in modes)
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_no_secret_is_in_an_output_a_log_or_the_stacks_file(
    stack: RunningStack, passwords: dict[str, dict[str, str]]
) -> None:
    data = stack.folder / "data"
    for command in ("doctor", "audit", "compare"):
        stack.run(command)
    files = [data / "stack.json", stack.folder / "up.log", *(data / "logs").iterdir()]
    shown = "".join(file.read_text(errors="replace") for file in files) + stack.run("doctor").stdout
    assert not [role for server in passwords.values() for role, secret in server.items() if secret in shown]


@LINUX
def test_each_service_gets_its_own_passwords_and_the_servers_get_none(
    stack: RunningStack, passwords: dict[str, dict[str, str]]
) -> None:
    for name, processes in stack.file().items():
        environ = Path(f"/proc/{processes[0]['pid']}/environ").read_text()
        for server, users in passwords.items():
            known = {role for role, secret in users.items() if secret in environ}
            assert known == ({SERVICES[name]} if name in SERVICES else set()), (name, server)


@LINUX
def test_a_variable_is_only_in_the_processes_that_need_it(stack: RunningStack) -> None:
    found: dict[str, set[str]] = {name: set() for name in CANARIES}
    for service, processes in stack.file().items():
        environ = Path(f"/proc/{processes[0]['pid']}/environ").read_text().split("\0")
        names = {entry.partition("=")[0] for entry in environ}
        assert not names & {"POINTSMAN_API_KEY"}
        for name in CANARIES:
            if f"{name}=canary-of-{name}" in environ:
                found[name].add(service)
    assert found == CANARIES


@LINUX
def test_no_secret_is_on_a_command_line(stack: RunningStack, passwords: dict[str, dict[str, str]]) -> None:
    secrets = [secret for users in passwords.values() for secret in users.values()] + ["canary-of-"]
    for pid in stack.pids:
        line = Path(f"/proc/{pid}/cmdline").read_text()
        assert line and not [secret for secret in secrets if secret in line]


@LINUX
@pytest.mark.parametrize("server", ["nats", "store"])
def test_a_program_that_takes_the_port_of_a_killed_server_is_handed_nothing(
    stack: RunningStack, passwords: dict[str, dict[str, str]], server: str
) -> None:
    killed = stack.file()[server][0]
    port = urlsplit(killed["url"]).port
    assert port is not None
    os.kill(killed["pid"], signal.SIGKILL)
    greeting = nats_greeting(server_name(stack.folder / "data")) if server == "nats" else ""
    with Impostor(port, greeting) as impostor:
        stack.until(lambda: len(impostor.received) >= 8, "the services try to reconnect")
        if server == "store":  # NATS is waited for
            assert stack.run("audit").returncode != 0
        assert set(impostor.received) == {b""}
    stack.until(stack.ready, "the server is back")
    stack.decide_and_learn()


async def test_the_observers_file_is_enough_to_listen_and_nothing_else_is_let_in(stack: RunningStack) -> None:
    url = (stack.folder / "data" / "observer.url").read_text().strip()
    client = await nats.connect(url)
    topic = await client.subscribe("decisions.>")
    await client.flush()
    await client.flush()
    await asyncio.to_thread(stack.decide_and_learn)
    assert json.loads((await topic.next_msg(10)).data)["tier"] == "SIMPLE"
    await client.close()

    stranger = Client()
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await stranger.connect(stack.file()["nats"][0]["url"], allow_reconnect=False, error_cb=_ignore)
    await stranger.close()


def test_the_operators_commands_find_their_password(stack: RunningStack) -> None:
    rebuilt = stack.run("rebuild", "--yes")
    audited = stack.run("audit")
    assert (rebuilt.returncode, audited.returncode) == (0, 0), rebuilt.stderr + audited.stdout
    assert "identical up to" in audited.stdout


async def _ignore(_: Exception) -> None:
    """The client would print it."""
