"""Supervisor of the embedded stack: starts NATS, the store and the services, restarts and stops them."""

import asyncio
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from pointsman.cli.stack.child_process import ChildProcess, Command
from pointsman.cli.stack.embedded_servers import EmbeddedNats, EmbeddedServer, EmbeddedStore
from pointsman.cli.stack.environment import base_environment, server_environment
from pointsman.cli.stack.errors import NotReadyYet, ProbeFailed, StartFailed
from pointsman.cli.stack.lock import OWNER_VARIABLE, DataDirLock
from pointsman.cli.stack.logins import ensure_credentials, service_environment, without_logins, write_urls
from pointsman.cli.stack.nats_recovery import NatsRecovery
from pointsman.cli.stack.ports import Ports, gateway_port, read_ports, url_host, write_ports
from pointsman.cli.stack.private_files import make_private
from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.cli.stack.service_process import SERVICES, ServiceProcess
from pointsman.cli.stack.stack_file import (
    STACK_FILE,
    StackFile,
    StackProcess,
    read_stack_file,
    remove_stack_file,
    write_stack_file,
)
from pointsman.contracts.config.schema import Config
from pointsman.runtime.peer import can_identify
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning

log = logger("stack")

SERVICE_SHUTDOWN_TIMEOUT_S = 8.0
SERVER_SHUTDOWN_TIMEOUT_S = 15.0
SERVER_START_TIMEOUT_S = 60.0
_START_ATTEMPTS = 3
_CONFIGURATION_ERROR = 2
_WRITE_RETRY_INTERVAL_S = 1.0


class Stack:
    """Everything Pointsman needs, as processes on this machine, with its data in one directory.

    ``async with Stack(config, data_dir=…) as stack:`` starts it, waits until it is ready, and stops it at the end.

    Parameters
    ----------
    config : Config
        Read from ``config_file`` and the environment.
    config_file : path, optional
        Passed to the services as ``POINTSMAN_CONFIG``.
    port : int, optional
        Port of the gateway, which must be free; 0 selects any. By default the configured one, or the next free one.
    replicas : mapping of str to int, optional
        Number of processes per service; 1 by default. There is always one gateway.
    modules : mapping of str to str
        Module of each service.
    environ : mapping, optional
        Base of the environment of the services; ``os.environ`` by default.
    on_event : callable, optional
        Receives one line for every end and restart of a process; by default they are logged.

    Attributes
    ----------
    gateway_url, nats_url, monitor_url, redis_url: Addresses after the start. ``monitor_url`` is NATS's monitoring page.
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
        if config_file is not None:
            self._environ["POINTSMAN_CONFIG"] = str(Path(config_file).absolute())
        self._supervisor = os.getpid() if can_identify() else None
        self._on_event = on_event or log.warning
        self._lock: DataDirLock | None = None
        self._ports = Ports()
        self._servers: list[tuple[EmbeddedServer, ChildProcess]] = []
        self._services: list[tuple[ServiceProcess, ChildProcess]] = []
        self._recovering: asyncio.Task[None] | None = None
        self._rewrite: asyncio.TimerHandle | None = None
        self._unwritten = RateLimitedWarning(log, STACK_FILE, "commands on this stack do not find its new processes")

    async def __aenter__(self) -> Self:
        """Start, and wait until all processes are ready."""
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
        """Directory of the log files, one per process."""
        return self.data_dir / "logs"

    @property
    def _owner(self) -> dict[str, str]:
        return {OWNER_VARIABLE: str(self.data_dir.resolve())}

    def describe(self) -> StackFile:
        """Return the running processes: the content of ``stack.json``."""
        found: dict[str, list[StackProcess]] = {}
        for server, child in self._servers:
            if child.pid is not None:
                found[server.name] = [StackProcess(pid=child.pid, url=server.url, monitor=server.monitor_url)]
        for service, child in self._services:
            if child.pid is not None:
                found.setdefault(service.service, []).append(StackProcess(pid=child.pid, url=service.url))
        return StackFile(**found)

    async def start(self) -> None:
        """Start all processes; return when NATS and the store respond and the processes of the services exist.

        When it raises or is cancelled, `stop` must still be called.

        Raises
        ------
        DataDirBusy, PortBusy, ProgramMissing, StartFailed
        """
        nats_program = find_nats_server(self._config.nats.server)
        store_program = find_store_server(self._config.redis.server)
        make_private(self.data_dir)
        self.log_dir.mkdir(mode=0o700, exist_ok=True)
        earlier = read_stack_file(self.data_dir) or StackFile()
        self._lock = await DataDirLock.acquire(self.data_dir, [process.pid for process in earlier.processes()])
        remove_stack_file(self.data_dir)
        credentials = ensure_credentials(self.data_dir)
        nats = EmbeddedNats(nats_program, self.data_dir, credentials, self._config.nats)
        store = EmbeddedStore(store_program, self.data_dir, credentials)
        port = self._choose_gateway_port()
        await asyncio.gather(self._start_server(nats), self._start_server(store))
        self.nats_url, self.monitor_url, self.redis_url = nats.url, nats.monitor_url, store.url
        write_urls(self.data_dir, credentials, nats.url)
        self._recovering = asyncio.create_task(self._recovery(nats).run(), name="recovery of NATS")
        for service, module in self._modules.items():
            base = base_environment(service, self._config, self._environ)
            login = service_environment(service, credentials, nats.url, store.url, self._supervisor)
            environ = base | login | self._owner | {"POINTSMAN_GATEWAY_PORT": str(port)}
            if service == "reward_updater":
                disks = [*self._config.reward_updater.disk_paths, str(self.data_dir)]
                environ["POINTSMAN_REWARD_UPDATER_DISK_PATHS"] = json.dumps(disks, ensure_ascii=False)
            for at in range(self._replicas[service]):
                url = self.gateway_url if service == "gateway" else ""
                process = ServiceProcess(service, at, module, environ, self._ports, url)
                self._services.append((process, self._child(process.name, process.command)))
        await asyncio.gather(*(child.start() for _, child in self._services))

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return when every service is ready.

        Raise `StartFailed` if a service ends repeatedly, `NotReadyYet` if one is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        deaths_before = {child.name: child.deaths for _, child in self._services}
        while True:
            states = await asyncio.gather(*(service.not_ready(self._supervisor) for service, _ in self._services))
            waiting = [
                f"{name.name}: {state}" for (name, _), state in zip(self._services, states, strict=True) if state
            ]
            if not waiting:
                return
            for _, child in self._services:
                deaths = child.deaths - deaths_before[child.name]
                if deaths >= _START_ATTEMPTS or (deaths and child.last_code == _CONFIGURATION_ERROR):
                    raise StartFailed(f"{child.name} ends repeatedly: {child.last_line()} (log: {child.log_file})")
            if time.monotonic() > deadline:
                raise NotReadyYet(f"not ready after {timeout_s:g} s: {'; '.join(waiting)} (logs: {self.log_dir})")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop the gateway, the other services, then the store and NATS; may be called more than once.

        The gateway first finishes the requests in progress, and the other services are needed until then.
        """
        if self._recovering is not None:
            self._recovering.cancel()
        drained_s = self._config.gateway.stop_delay_s + self._config.drain_timeout_s
        gateways = [child for service, child in self._services if service.service == "gateway"]
        await _stop_all(gateways, drained_s + SERVICE_SHUTDOWN_TIMEOUT_S)
        await _stop_all((child for _, child in self._services), SERVICE_SHUTDOWN_TIMEOUT_S)
        await _stop_all((child for _, child in self._servers), SERVER_SHUTDOWN_TIMEOUT_S)
        if self._lock is not None:
            remove_stack_file(self.data_dir)
            self._lock.release()
            self._lock = None

    def kill(self) -> None:
        """Kill every process with SIGKILL; `stop` must still be called."""
        for _, child in itertools.chain(self._servers, self._services):
            child.kill()

    def _choose_gateway_port(self) -> int:
        host, configured = self._config.gateway.host, self._config.gateway.port
        port = gateway_port(host, configured, self._port)
        if self._port is None and configured not in (0, port):
            self._on_event(f"port {configured} is in use, so the gateway uses {port}")
        self.gateway_url = f"{self._config.gateway.scheme}://{url_host(host)}:{port}"
        self._ports.reserve(port)
        return port

    async def _start_server(self, server: EmbeddedServer) -> None:
        """Start NATS or the store; retry with other ports when it ends at once: another process may have a port."""
        file = self.data_dir / "ports.json"
        for _ in range(_START_ATTEMPTS):
            argv = server.prepare(self._ports, read_ports(file))
            environ = server_environment(self._environ) | self._owner
            child = self._child(server.name, partial(Command, argv, environ))
            self._servers.append((server, child))
            await child.start()
            if await self._responds(server, child):
                write_ports(file, read_ports(file) | server.chosen_ports)
                return
            await child.stop(SERVER_SHUTDOWN_TIMEOUT_S)
            self._servers.remove((server, child))
        raise StartFailed(f"{server.name} does not start: {child.last_line()} (log: {child.log_file})")

    def _recovery(self, nats: EmbeddedServer) -> NatsRecovery:
        (child,) = (child for server, child in self._servers if server is nats)
        restart = partial(child.restart, timeout_s=SERVER_SHUTDOWN_TIMEOUT_S)
        return NatsRecovery(nats.monitor_url, self.data_dir / "nats", restart, self._on_event)

    async def _responds(self, server: EmbeddedServer, child: ChildProcess) -> bool:
        """Wait until the server responds (true) or has ended (false)."""
        deadline = time.monotonic() + SERVER_START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                await server.check(child.pid or 0, self._supervisor)
                return True
            except ProbeFailed:
                if child.deaths:
                    return False
                await asyncio.sleep(0.02)
        return False

    def _child(self, name: str, command: Callable[[], Command]) -> ChildProcess:
        inherited = () if self._lock is None else (self._lock.fd,)
        return ChildProcess(name, command, self.log_dir / f"{name}.log", inherited, self._on_event, self._write)

    def _write(self) -> None:
        """Write ``stack.json``; if that fails, as on a full disk, try again until it succeeds."""
        if self._rewrite is not None:
            self._rewrite.cancel()
        if self._lock is None:
            return
        try:
            write_stack_file(self.data_dir, self.describe())
        except OSError as error:
            self._unwritten.failed(str(error))
            self._rewrite = asyncio.get_running_loop().call_later(_WRITE_RETRY_INTERVAL_S, self._write)
        else:
            self._unwritten.recovered()


async def _stop_all(children: Iterable[ChildProcess], timeout_s: float) -> None:
    await asyncio.gather(*(child.stop(timeout_s) for child in children))
