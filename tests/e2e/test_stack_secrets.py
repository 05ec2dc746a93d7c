"""Secrets of ``pointsman up``: file permissions, and the passwords that each process gets."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from tests.e2e.running_stack import RunningStack

pytestmark = pytest.mark.e2e

SERVICES = {
    "gateway": "gateway",
    "decision": "decision",
    "shadow_evaluator": "shadow-evaluator",
    "reward_updater": "reward-updater",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = RunningStack(tmp_path_factory.mktemp("stack"))
    stack.start("--port", "0")
    stack.decide_and_learn()
    yield stack
    stack.end()


@pytest.fixture(scope="module")
def passwords(stack: RunningStack) -> dict[str, dict[str, str]]:
    held: dict[str, dict[str, str]] = json.loads((stack.folder / "data" / "credentials.json").read_text())
    return held


def test_what_holds_a_secret_is_readable_by_its_owner_only(stack: RunningStack) -> None:
    data = stack.folder / "data"
    for name in ("credentials.json", "stack.json", "nats.conf", "valkey.conf", "valkey.acl", "observer.url"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name


def test_no_secret_is_in_an_output_a_log_or_the_stacks_file(
    stack: RunningStack, passwords: dict[str, dict[str, str]]
) -> None:
    data = stack.folder / "data"
    for command in ("doctor", "audit", "compare"):
        stack.run(command)
    files = [data / "stack.json", stack.folder / "up.log", *(data / "logs").iterdir()]
    shown = "".join(file.read_text(errors="replace") for file in files) + stack.run("doctor").stdout
    assert not [role for server in passwords.values() for role, secret in server.items() if secret in shown]


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="only Linux shows a process's environment as a file"
)
def test_each_service_gets_its_own_passwords_and_the_servers_get_none(
    stack: RunningStack, passwords: dict[str, dict[str, str]]
) -> None:
    for name, processes in stack.file().items():
        environ = Path(f"/proc/{processes[0]['pid']}/environ").read_text()
        for server, users in passwords.items():
            known = {role for role, secret in users.items() if secret in environ}
            assert known == ({SERVICES[name]} if name in SERVICES else set()), (name, server)


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
