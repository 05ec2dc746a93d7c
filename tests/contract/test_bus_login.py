"""User and password in the URL of NATS, written as URLs write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from pointsman.runtime.bus import Bus
from tests.support.processes import NatsServer, free_port

LOGINS = {
    "at, colon and slash": ("app1", "p@ss:w/ord"),
    "percent": ("app2", "100%sure"),
    "plus and space": ("app3", "a+b c"),
    "beyond ASCII": ("app4", "größe"),
    "the user": ("a@b", "plain"),
    "a user that is no part of a subject": ("a b.c", "plain"),
    "none to escape": ("app5", "plain"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    users = [
        f"{{ user: {json.dumps(user, ensure_ascii=False)}, password: {json.dumps(password, ensure_ascii=False)} }}"
        for user, password in LOGINS.values()
    ]
    folder = tmp_path_factory.mktemp("nats-logins")
    server = NatsServer(folder, more=f"authorization {{ users: [ {', '.join(users)} ] }}\n")
    server.start()
    yield server
    server.stop()


def url(server: NatsServer, user: str, password: str) -> str:
    return f"nats://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{server.port}"


@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_in_the_url_is_decoded(running: NatsServer, login: str) -> None:
    bus = await Bus.connect(url(running, *LOGINS[login]), "test")
    try:
        assert bus.connected
    finally:
        await bus.close()


async def test_the_second_server_has_its_own_login(running: NatsServer) -> None:
    first, second = (url(running, *LOGINS[name]) for name in ("percent", "plus and space"))
    away = first.replace(f":{running.port}", f":{free_port()}")
    bus = await Bus.connect(f"{away},{second}", "test")
    try:
        assert bus.connected
    finally:
        await bus.close()


async def test_a_token_is_decoded(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, more='authorization { token: "t@k/n" }\n')
    server.start()
    try:
        bus = await Bus.connect(f"nats://{quote('t@k/n', safe='')}@127.0.0.1:{server.port}", "test")
        assert bus.connected
        await bus.close()
    finally:
        server.stop()
