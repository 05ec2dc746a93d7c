"""NATS, the store and the services of one measurement: real processes on free ports, stopped at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]  # it has no types

from pointsman.cli.stack.embedded_servers import nats_conf, store_conf
from pointsman.cli.stack.ports import LOOPBACK, Ports
from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus import Bus, ensure_streams

START_TIMEOUT_S = 60.0
ROOT = Path(__file__).resolve().parent.parent
_MB = 1024**2
SMALL_STREAMS = NatsConfig(decisions_max_bytes=1024 * _MB, outcomes_max_bytes=512 * _MB, events_max_bytes=256 * _MB)


class Process:
    """One process under measurement.

    Parameters
    ----------
    name : str
    argv : sequence of str
    environ : dict
        Added to this process's environment, from which Pointsman's own settings are taken out.
    log : path
    ready_url : str
        Answers 200 when it is ready; empty to not ask.
    """

    def __init__(self, name: str, argv: Sequence[str], environ: dict[str, str], log: Path, ready_url: str = "") -> None:
        self.name = name
        self.ready_url = ready_url
        self._log = log
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("POINTSMAN_")}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv, env=inherited | environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.pid = self._process.pid

    async def ready(self) -> None:
        """Wait until the process is ready; raise `RuntimeError` with its last output if it does not become ready."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.ready_url and not await asyncio.to_thread(_answers, self.ready_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{self.name} did not become ready:\n{words}")
            await asyncio.sleep(0.05)

    def cpu_s(self) -> float:
        """Return the processor time that it has taken so far; 0 when it has ended."""
        if self._process.poll() is not None:
            return 0.0
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """Return its resident memory."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1024**2

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Servers:
    """NATS and a store with the settings of ``pointsman up``, and services started one by one.

    Use it as ``async with Servers(configuration) as servers``.

    Parameters
    ----------
    configuration : str
        Text of ``pointsman.toml``, without addresses.
    """

    def __init__(self, configuration: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pointsman-bench-"))
        self.processes: list[Process] = []
        self._ports = Ports()
        self._configuration = configuration
        self.nats_url = f"nats://{LOOPBACK}:{self._ports.choose()}"
        self.redis_url = f"redis://{LOOPBACK}:{self._ports.choose()}/0"

    async def __aenter__(self) -> Self:
        """Start NATS and the store, and make the streams."""
        try:
            self._start_servers()
            bus = await asyncio.wait_for(Bus.connect(self.nats_url, "benchmark"), START_TIMEOUT_S)
            await ensure_streams(bus, SMALL_STREAMS)
            await bus.close()
        except BaseException:
            self._stop_all()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, and remove what it wrote."""
        self._stop_all()

    def start(self, service: str, configuration: str = "") -> Process:
        """Start one process of a service.

        Parameters
        ----------
        service : str
            A package in ``services``.
        configuration : str, optional
            Its own, instead of the common one.
        """
        port = self._ports.choose()
        file = self.folder / f"{service}-{port}.toml"
        file.write_text(configuration or self._configuration, encoding="utf-8")
        environ = {
            "POINTSMAN_CONFIG": str(file),
            "POINTSMAN_NATS_URL": self.nats_url,
            "POINTSMAN_REDIS_URL": self.redis_url,
            "POINTSMAN_GATEWAY_PORT" if service == "gateway" else "POINTSMAN_PROBE_PORT": str(port),
            "POINTSMAN_NATS_DECISIONS_MAX_BYTES": str(SMALL_STREAMS.decisions_max_bytes),
            "POINTSMAN_NATS_OUTCOMES_MAX_BYTES": str(SMALL_STREAMS.outcomes_max_bytes),
            "POINTSMAN_NATS_EVENTS_MAX_BYTES": str(SMALL_STREAMS.events_max_bytes),
        }
        url = f"http://{LOOPBACK}:{port}"
        return self.run(service, [sys.executable, "-m", f"pointsman_{service}"], environ, f"{url}/readyz")

    def start_module(self, module: str) -> Process:
        """Start one of this package's own processes, with NATS's address and a free port as arguments."""
        port = self._ports.choose()
        ready_url = f"http://{LOOPBACK}:{port}/readyz"
        return self.run(module, [sys.executable, "-m", module, self.nats_url, str(port)], {}, ready_url)

    def run(self, name: str, argv: Sequence[str], environ: dict[str, str], ready_url: str = "") -> Process:
        """Start a process that ends with this measurement."""
        log = self.folder / f"{name}-{len(self.processes)}.log"
        process = Process(name, argv, environ, log, ready_url)
        self.processes.append(process)
        return process

    def free_port(self) -> int:
        """Return a port that no other process of this measurement uses."""
        return self._ports.choose()

    def cpu_s(self) -> float:
        """Return the processor time that all running processes have taken so far."""
        return sum(process.cpu_s() for process in self.processes)

    def _start_servers(self) -> None:
        nats_port, store_port = (int(url.split(":")[2].split("/")[0]) for url in (self.nats_url, self.redis_url))
        nats_file, store_file = self.folder / "nats.conf", self.folder / "valkey.conf"
        nats_file.write_text(nats_conf(self.folder, SMALL_STREAMS, nats_port, self._ports.choose()), encoding="utf-8")
        (self.folder / "store").mkdir()
        store_file.write_text(store_conf(self.folder / "store", store_port), encoding="utf-8")
        self.run("nats", [str(find_nats_server()), "-c", str(nats_file)], {})
        self.run("store", [str(find_store_server()), str(store_file)], {})

    def _stop_all(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
