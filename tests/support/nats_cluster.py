"""Three NATS servers that form a JetStream cluster on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.api import StreamInfo

from tests.support.processes import NatsServer
from tests.support.waiting import eventually

SIZE = 3
STANDS_S, RUNS_S = 0.08, 0.02
REQUEST_TIMEOUT_S = 0.5
"""Short, because it is tried again: a request to a leader that was killed gets no response."""


class NatsCluster:
    """Servers that keep their ports and data over a restart. ``more`` is more configuration of each server."""

    def __init__(self, folder: Path, more: str = "") -> None:
        ports = _ports(2 * SIZE)
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[SIZE:])
        self.servers: list[NatsServer] = []
        for i in range(SIZE):
            home = folder / f"server-{i}"
            home.mkdir(parents=True)
            server = NatsServer(
                home,
                f'server_name: "server-{i}"\n'
                f'cluster {{ name: "test", listen: "127.0.0.1:{ports[SIZE + i]}", routes: [{routes}] }}\n{more}',
            )
            server.name, server.port = f"nats-{i}", ports[i]
            self.servers.append(server)

    @property
    def url(self) -> str:
        """The URLs of all servers, separated by commas, as in the setting ``nats.url``."""
        return ",".join(server.url for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        asyncio.run(self.until_ready())

    def stop(self) -> None:
        for server in self.servers:
            if server.running:
                server.resume()  # a stopped process does not end
                server.stop()

    async def until_ready(self) -> None:
        """Wait until JetStream has a leader and every server is part of it."""
        for server in self.servers:
            client = await nats.connect(server.url)
            try:
                await eventually(lambda client=client: _answers(client), f"JetStream of {server.name}")  # type: ignore[misc]
            finally:
                await client.close()

    async def info(self, stream: str) -> StreamInfo:
        """Return a stream's information from its leader."""
        client = await nats.connect([server.url for server in self.servers if server.running])
        try:
            return await client.jetstream(timeout=REQUEST_TIMEOUT_S).stream_info(stream)
        finally:
            await client.close()

    async def leader(self, stream: str) -> NatsServer:
        """Return the server that leads a stream."""
        found: list[NatsServer] = []

        async def known() -> bool:
            try:
                cluster = (await self.info(stream)).cluster
            except nats.errors.Error:
                return False
            found[:] = [self._named(cluster.leader)] if cluster and cluster.leader else []
            return bool(found)

        await eventually(known, f"a leader of {stream}")
        return found[0]

    async def followers(self, stream: str) -> list[NatsServer]:
        """Return the servers that follow the leader of a stream."""
        leader = await self.leader(stream)
        return [server for server in self.servers if server is not leader]

    async def move_leader(self, stream: str, away_from: NatsServer) -> None:
        """Let another server lead a stream."""
        while await self.leader(stream) is away_from:
            client = await nats.connect(away_from.url)
            try:
                await client.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}", b"", timeout=REQUEST_TIMEOUT_S * 10)
            finally:
                await client.close()

    async def until_current(self, stream: str) -> None:
        """Wait until every replica of a stream is up to date."""

        async def current() -> bool:
            try:
                cluster = (await self.info(stream)).cluster
            except nats.errors.Error:
                return False
            replicas = cluster.replicas or [] if cluster else []
            return len(replicas) == SIZE - 1 and all(r.current and not r.lag and not r.offline for r in replicas)

        await eventually(current, f"all replicas of {stream} are current")

    def _named(self, name: str) -> NatsServer:
        return self.servers[int(name.rpartition("-")[2])]


async def _answers(client: Client) -> bool:
    try:
        await client.jetstream(timeout=REQUEST_TIMEOUT_S).account_info()
    except nats.errors.Error:
        return False
    return True


def _ports(count: int) -> list[int]:
    """Return free ports below those that the system gives to clients: a server that restarts needs its port again."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


@contextlib.asynccontextmanager
async def slowed(server: NatsServer) -> AsyncIterator[None]:
    """Let a server run for a short time only, again and again, so that its copies are behind."""
    stop = asyncio.Event()

    async def slow_down() -> None:
        while not stop.is_set():
            server.pause()
            await asyncio.sleep(STANDS_S)
            server.resume()
            await asyncio.sleep(RUNS_S)

    task = asyncio.create_task(slow_down())
    try:
        yield
    finally:
        stop.set()
        await task
