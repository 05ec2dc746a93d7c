"""The process that accepted a connection is identified, with real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest

from pointsman.runtime import peer
from pointsman.runtime.peer import WrongPeer, can_identify, check_peer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who accepted a connection")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def server_at(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::")


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep a connection until the client closes it."""
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)  # the server closes its end


def test_it_is_possible_here() -> None:
    assert can_identify()


@pytest.mark.parametrize(
    ("listens", "connects"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        pytest.param("::1", "::1", marks=pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")),
        pytest.param("::", "127.0.0.1", marks=pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")),
    ],
)
async def test_only_a_child_of_the_supervisor_is_accepted(listens: str, connects: str) -> None:
    server = await asyncio.start_server(hold, sock=server_at(listens))
    async with server:
        port = server.sockets[0].getsockname()[1]
        # This process is a child of its parent, and no child of itself.
        _, writer = await asyncio.open_connection(connects, port)
        await check_peer(writer, os.getppid())
        await check_peer(writer, None)
        assert not writer.is_closing()
        with pytest.raises(WrongPeer, match=f"{port} is a program that this stack did not start"):
            await check_peer(writer, os.getpid())
        assert writer.is_closing()
        await close(writer)


async def test_a_connection_that_is_not_accepted_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "ACCEPT_TIMEOUT_S", 0.05)
    with server_at("127.0.0.1") as listener:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        with pytest.raises(WrongPeer):
            await check_peer(writer, os.getppid())
        await close(writer)


async def test_another_listener_on_the_port_at_another_address_does_not_matter() -> None:
    server = await asyncio.start_server(hold, sock=server_at("127.0.0.1"))
    async with server:
        port = server.sockets[0].getsockname()[1]
        with socket.create_server(("127.0.0.2", port)):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await check_peer(writer, os.getppid())
            await close(writer)
