"""Everything of Pointsman as real processes, with two gateways, on three NATS servers that each have all streams."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pointsman.runtime.bus.replication import STREAMS
from tests.fault.cluster import CONFIG_TOML, SERVICES, Cluster
from tests.support.nats_cluster import SIZE, NatsCluster
from tests.support.processes import NatsServer, ServiceProcess


@dataclass(slots=True)
class Gateway:
    """One of several gateways, for a load of its own."""

    gateway_port: int


class ReplicatedCluster(Cluster):
    """The stack with three NATS servers, without proxies: each service knows all servers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.servers = NatsCluster(folder / "servers")
        self.nats = self.servers.servers[0]  # type: ignore[assignment]  # what the checks need of it is the same
        self._environment |= {
            "POINTSMAN_NATS_REPLICAS": str(SIZE),
            "POINTSMAN_REDIS_URL": self.store.url,
            "POINTSMAN_GATEWAY_PORT": str(self.gateway_port),
        }

    async def start(self) -> None:
        (self.folder / "pointsman.toml").write_text(CONFIG_TOML, encoding="utf-8")
        await asyncio.gather(asyncio.to_thread(self.servers.start), asyncio.to_thread(self.store.start))
        await asyncio.gather(*(self.add(name) for name in (*SERVICES, "gateway-2")))
        await self.ready()
        await self.until_current()

    async def add(self, name: str) -> None:
        # Each gateway begins at a server of its own and learns of the others there; the other services choose one.
        first = {"gateway": self.servers.servers[0], "gateway-2": self.servers.servers[1]}.get(name)
        own = {"POINTSMAN_NATS_URL": first.url if first else self.servers.url}
        if name == "gateway-2":
            own["POINTSMAN_GATEWAY_PORT"] = "0"
        self.services[name] = ServiceProcess(name, self.folder, self._environment | own)
        await asyncio.to_thread(self.services[name].start, "/healthz")

    @property
    def second_gateway(self) -> Gateway:
        return Gateway(urlsplit(self.services["gateway-2"].url).port or 0)

    async def stop(self) -> None:
        await asyncio.gather(
            *(asyncio.to_thread(process.stop, signal.SIGKILL) for process in (*self.services.values(), self.store))
        )
        await asyncio.to_thread(self.servers.stop)

    async def until_current(self) -> None:
        """Wait until all servers have all messages."""
        await self.servers.until_ready()
        for stream in STREAMS:
            await self.servers.until_current(stream)

    @contextlib.asynccontextmanager
    async def killed(self, server: NatsServer) -> AsyncIterator[None]:
        """End a server as ``kill -9`` does, and start it again after the block."""
        await asyncio.to_thread(server.kill)
        try:
            yield
        finally:
            await asyncio.to_thread(server.start)
