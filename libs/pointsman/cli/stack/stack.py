"""The stack: NATS, the store, and the services, started in order, kept running, stopped in the reverse order."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from pointsman.cli.stack.child import Child, Command
from pointsman.cli.stack.embedded_nats import EmbeddedNats
from pointsman.cli.stack.embedded_store import EmbeddedStore
from pointsman.cli.stack.errors import NoAnswer, StartFailed
from pointsman.cli.stack.lock import DataDirLock
from pointsman.cli.stack.logins import service_environment, take_credentials, without_logins, write_observer_url
from pointsman.cli.stack.ports import Ports, gateway_port, recall_ports, remember_ports, url_host
from pointsman.cli.stack.processes import OWNER_VARIABLE
from pointsman.cli.stack.programs import find_nats_server, find_store_server
from pointsman.cli.stack.services import ROLES, SERVICES, ServiceProcess
from pointsman.cli.stack.stack_file import Process, StackFile, read_stack_file, remove_stack_file, write_stack_file
from pointsman.contracts.config.schema import Config
from pointsman.runtime.telemetry.logs import logger

log = logger("stack")

SERVICE_STOP_S = 8.0
SERVER_STOP_S = 15.0
_SERVER_START_S = 60.0
_ATTEMPTS = 3
_WRONG_CONFIGURATION = 2


class Stack:
    """Everything Pointsman needs, as processes on this machine, with its data in one directory.

    ``async with Stack(config, data_dir=…) as stack:`` starts it, waits until it is ready, and stops it at the end.

    Parameters
    ----------
    config : Config
        What ``config_file`` and the environment say.
    data_dir : path
    config_file : path, optional
        Given to the services as ``POINTSMAN_CONFIG``.
    port : int, optional
        The gateway's, which must be free; 0 takes any. By default the configured one, or the next that is free.
    replicas : mapping of str to int, optional
        How many processes of a service; 1 unless named. One gateway, always.
    modules : mapping of str to str
        The module that runs each service.
    environ : mapping, optional
        The services' environment, which the stack adds to; ``os.environ`` by default.
    on_event : callable, optional
        Gets a line for every death and restart; by default they are logged.

    Attributes
    ----------
    gateway_url, nats_url, monitor_url, redis_url : str
        Addresses, once started. ``monitor_url`` is NATS's monitoring page.
    """

    def __init__(
        self,
        config: Config,
        *,
        data_dir: Path | str = "data",
        config_file: Path | str | None = None,
        port: int | None = None,
        replicas: Mapping[str, int] | None = None,
        modules: Mapping[str, str] = SERVICES,
        environ: Mapping[str, str] | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.gateway_url = self.nats_url = self.monitor_url = self.redis_url = ""
        self._config = config
        self._port = port
        self._replicas = {**dict.fromkeys(modules, 1), **(replicas or {}), "gateway": 1}
        self._modules = modules
        self._environ = without_logins(os.environ if environ is None else environ)
        self._environ[OWNER_VARIABLE] = str(self.data_dir.resolve())
        if config_file is not None:
            self._environ["POINTSMAN_CONFIG"] = str(Path(config_file).absolute())
        self._on_event = on_event or log.warning
        self._lock: DataDirLock | None = None
        self._ports = Ports()
        self._servers: list[tuple[EmbeddedNats | EmbeddedStore, Child]] = []
        self._services: list[tuple[ServiceProcess, Child]] = []

    async def __aenter__(self) -> Self:
        """Start, and wait until everything is ready."""
        try:
            await self.start()
            await self.wait_ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    @property
    def log_dir(self) -> Path:
        """Where the processes' output goes, one file each."""
        return self.data_dir / "logs"

    def describe(self) -> StackFile:
        """Return what runs: the content of ``stack.json``."""
        found: dict[str, list[Process]] = {}
        for server, child in self._servers:
            if child.pid is not None:
                found[server.name] = [Process(pid=child.pid, url=server.url, monitor=server.monitor_url)]
        for service, child in self._services:
            if child.pid is not None:
                found.setdefault(service.service, []).append(Process(pid=child.pid, url=service.url))
        return StackFile(**found)

    async def start(self) -> None:
        """Start everything; return when NATS and the store answer, and the services' processes exist.

        When it raises or is cancelled, `stop` must still be called.

        Raises
        ------
        DataDirBusy, PortBusy, ProgramMissing, StartFailed
        """
        nats_program = find_nats_server(self._config.nats.server)
        store_program = find_store_server(self._config.redis.server)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        earlier = read_stack_file(self.data_dir) or StackFile()
        self._lock = await DataDirLock.take(self.data_dir, [process.pid for process in earlier.processes()])
        remove_stack_file(self.data_dir)
        credentials = take_credentials(self.data_dir)
        nats = EmbeddedNats(nats_program, self.data_dir, self._config.nats, credentials)
        store = EmbeddedStore(store_program, self.data_dir, credentials)
        port = self._choose_gateway_port()
        await asyncio.gather(self._start_server(nats), self._start_server(store))
        self.nats_url, self.monitor_url, self.redis_url = nats.url, nats.monitor_url, store.url
        write_observer_url(self.data_dir, credentials, nats.url)
        for service, module in self._modules.items():
            login = service_environment(ROLES[service], credentials, nats.url, store.url)
            environ = self._environ | login | {"POINTSMAN_GATEWAY_PORT": str(port)}
            for at in range(self._replicas[service]):
                url = self.gateway_url if service == "gateway" else ""
                process = ServiceProcess(service, at, module, environ, self._ports, url)
                self._services.append((process, self._child(process.name, process.command)))
        await asyncio.gather(*(child.start() for _, child in self._services))

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return once every service says that it is ready.

        Raises
        ------
        StartFailed
            When one keeps dying, or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        deaths_before = {child.name: child.deaths for _, child in self._services}
        while True:
            states = await asyncio.gather(*(service.not_ready() for service, _ in self._services))
            waiting = [
                f"{name.name}: {state}" for (name, _), state in zip(self._services, states, strict=True) if state
            ]
            if not waiting:
                return
            for _, child in self._services:
                deaths = child.deaths - deaths_before[child.name]
                if deaths >= _ATTEMPTS or (deaths and child.last_code == _WRONG_CONFIGURATION):
                    raise StartFailed(f"{child.name} keeps ending: {child.last_words()} (log: {child.log_file})")
            if time.monotonic() > deadline:
                raise StartFailed(f"not ready after {timeout_s:g} s: {'; '.join(waiting)} (logs: {self.log_dir})")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop the services, then the store and NATS; give the data directory back. Safe at any time, and twice."""
        await _stop_all((child for _, child in self._services), SERVICE_STOP_S)
        await _stop_all((child for _, child in self._servers), SERVER_STOP_S)
        if self._lock is not None:
            remove_stack_file(self.data_dir)
            self._lock.release()
            self._lock = None

    def kill(self) -> None:
        """End every process at once, with SIGKILL; `stop` must still be called, and has little left to wait for."""
        for _, child in itertools.chain(self._servers, self._services):
            child.kill()

    def _choose_gateway_port(self) -> int:
        host, wanted = self._config.gateway.host, self._config.gateway.port
        port = gateway_port(host, wanted, self._port)
        if self._port is None and wanted not in (0, port):
            self._on_event(f"port {wanted} is in use, so the gateway takes {port}")
        self.gateway_url = f"{self._config.gateway.scheme}://{url_host(host)}:{port}"
        self._ports.reserve(port)
        return port

    async def _start_server(self, server: EmbeddedNats | EmbeddedStore) -> None:
        """Start NATS or the store; with other ports when it ends at once, in case somebody was faster."""
        file = self.data_dir / "ports.json"
        for _ in range(_ATTEMPTS):
            argv = server.prepare(self._ports, recall_ports(file))
            child = self._child(server.name, partial(Command, argv, self._environ))
            self._servers.append((server, child))
            await child.start()
            if await _answers(server, child):
                remember_ports(file, recall_ports(file) | server.chosen)
                return
            await child.stop(SERVER_STOP_S)
            self._servers.remove((server, child))
        raise StartFailed(f"{server.name} does not start: {child.last_words()} (log: {child.log_file})")

    def _child(self, name: str, command: Callable[[], Command]) -> Child:
        inherited = () if self._lock is None else (self._lock.fd,)
        return Child(name, command, self.log_dir / f"{name}.log", inherited, self._on_event, self._write)

    def _write(self) -> None:
        if self._lock is not None:
            write_stack_file(self.data_dir, self.describe())


async def _answers(server: EmbeddedNats | EmbeddedStore, child: Child) -> bool:
    """Wait until a server answers, or has died."""
    deadline = time.monotonic() + _SERVER_START_S
    while time.monotonic() < deadline:
        try:
            await server.check(child.pid or 0)
            return True
        except NoAnswer:
            if child.deaths:
                return False
            await asyncio.sleep(0.02)
    return False


async def _stop_all(children: Iterable[Child], bound_s: float) -> None:
    await asyncio.gather(*(child.stop(bound_s) for child in children))
