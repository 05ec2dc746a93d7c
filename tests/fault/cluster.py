"""Everything of Pointsman as real processes, each with a proxy of its own before NATS and before the store."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from pointsman.contracts.config import Config, load_config
from tests.fault.proxy import Proxy
from tests.fault.servers import KeptStore, Nats
from tests.support.processes import ChildProcess, ServiceProcess, free_port, http_status

TIERS = ("ALPHA", "BETA")
DIM = 4
STALE_AFTER_MS = 2000
LEASE_MS = 1500
DUPLICATES_S = 2.0
SERVICES = ("gateway", "decision", "reward_updater", "shadow_evaluator")
SERVERS = ("nats", "store")
READY_WITHIN_S = 60.0

CONFIG_TOML = f"""
[context]
dim = {DIM}

[[tier]]
name = "ALPHA"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini", "openrouter:meta-llama/llama-3.1-70b"]
fallback = "openai:gpt-4o-mini"

[[tier]]
name = "BETA"
arms = ["a:one", "b:two"]

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[nats]
decisions_max_bytes = 268435456
outcomes_max_bytes = 268435456
events_max_bytes = 268435456

[redis]
timeout_ms = 1000

[gateway]
decide_timeout_ms = 500

[decision]
stale_after_ms = {STALE_AFTER_MS}
log_timeout_ms = 400

[reward_updater]
lease_ms = {LEASE_MS}

[shadow_evaluator]
lease_ms = {LEASE_MS}

[log]
format = "text"
"""


class Cluster:
    """The stack under attack.

    Parameters
    ----------
    folder : path
        For data and output.
    package : path, optional
        Where the services' code is taken from; this tree when left out.
    nats_data, store_data : path, optional
        Where the servers keep their data.
    """

    def __init__(
        self, folder: Path, package: Path | None = None, nats_data: Path | None = None, store_data: Path | None = None
    ) -> None:
        self.folder = folder
        self.nats = Nats(folder, nats_data)
        self.store = KeptStore(folder, store_data)
        self.services: dict[str, ServiceProcess] = {}
        self.proxies: dict[tuple[str, str], Proxy] = {}
        self.gateway_port = free_port()
        self.poison: dict[str, set[int]] = {}
        """Sequences of what the tests themselves put into a stream and no service may count, by stream."""
        self.lost_outcomes: set[str] = set()
        """Ids of decisions whose outcomes a test has taken out of the log."""
        self._environment = {"POINTSMAN_CONFIG": str(folder / "pointsman.toml"), "POINTSMAN_PROBE_PORT": "0"}
        if package is not None:
            self._environment |= {
                "PYTHONPATH": os.pathsep.join(map(str, [package / "libs", *(package / "services").iterdir()])),
                "PYTHONSAFEPATH": "1",
            }

    @property
    def config(self) -> Config:
        return load_config(environ=self._environment)

    async def start(self) -> None:
        """Start everything, and wait until all of it is ready."""
        (self.folder / "pointsman.toml").write_text(CONFIG_TOML, encoding="utf-8")
        await asyncio.gather(asyncio.to_thread(self.nats.start), asyncio.to_thread(self.store.start))
        await asyncio.gather(*(self.add(name) for name in SERVICES))
        await self.ready()

    async def add(self, name: str) -> None:
        """Start a service, as in ``decision`` or ``reward_updater-2``."""
        for server in SERVERS:
            target = self.nats.port if server == "nats" else self.store.port
            proxy = self.proxies[name, server] = Proxy(target)
            await proxy.start()
        environment = self._environment | {
            "POINTSMAN_NATS_URL": f"nats://127.0.0.1:{self.proxies[name, 'nats'].port}",
            "POINTSMAN_REDIS_URL": f"redis://127.0.0.1:{self.proxies[name, 'store'].port}/0",
            "POINTSMAN_GATEWAY_PORT": str(self.gateway_port),
        }
        self.services[name] = ServiceProcess(name, self.folder, environment)
        await asyncio.to_thread(self.services[name].start, "/healthz")

    async def remove(self, name: str) -> None:
        """Stop a service that was added."""
        await asyncio.to_thread(self.services.pop(name).stop)
        for server in SERVERS:
            await self.proxies.pop((name, server)).stop()

    async def stop(self) -> None:
        """End everything, in whatever state it is."""
        processes: list[ChildProcess] = [*self.services.values(), self.store, self.nats]
        for process in processes:
            if process.running:
                process.resume()
        await asyncio.gather(*(asyncio.to_thread(process.stop, signal.SIGKILL) for process in processes))
        for proxy in self.proxies.values():
            await proxy.stop()

    def operator_environment(self) -> dict[str, str]:
        """Return what the command line needs to reach the servers themselves."""
        direct = {"POINTSMAN_NATS_URL": self.nats.url, "POINTSMAN_REDIS_URL": self.store.url}
        return {**os.environ, **self._environment, **direct}

    def process(self, name: str) -> ChildProcess:
        """Return a service, ``nats`` or ``store``."""
        return {"nats": self.nats, "store": self.store}.get(name) or self.services[name]

    async def kill(self, name: str) -> None:
        """End a process as ``kill -9`` does."""
        await asyncio.to_thread(self.process(name).kill)

    async def restart(self, name: str) -> None:
        """Start a process that was ended."""
        process = self.process(name)
        if isinstance(process, ServiceProcess):
            await asyncio.to_thread(process.start, "/healthz")
        elif isinstance(process, Nats | KeptStore):
            await asyncio.to_thread(process.start)

    async def ready(self) -> None:
        """Wait until every service is ready."""
        for name, service in self.services.items():
            await self.wait_status(name, service, 200)

    async def wait_status(self, name: str, service: ServiceProcess, status: int) -> None:
        """Wait until a service answers its readiness probe so."""
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        while await asyncio.to_thread(http_status, service.url + "/readyz") != status:
            assert asyncio.get_running_loop().time() < deadline, f"{name} is not {status}:\n{service.output()[-3000:]}"
            await asyncio.sleep(0.1)

    def between(self, server: str, names: Sequence[str] = ()) -> list[Proxy]:
        """Return the proxies before a server, of these services or of all."""
        return [proxy for (name, to), proxy in self.proxies.items() if to == server and (not names or name in names)]

    def heal(self) -> None:
        """Make every proxy a wire again."""
        for proxy in self.proxies.values():
            proxy.heal()
