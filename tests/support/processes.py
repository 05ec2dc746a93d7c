"""Real servers and services as child processes, on loopback and free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from tests.support.waiting import wait_until

SHUTDOWN_TIMEOUT_S = 10.0
_URL = re.compile(r"https?://[^\s\"]+")


class ChildProcess:
    """A program with its output in a file; ended with the test that started it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        assert not self.running
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Send a signal, wait for the end, and return the exit code; None when it did not run."""
        if self._process is None:
            return None
        if self.running:
            self._process.send_signal(number)
        try:
            return self._process.wait(SHUTDOWN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.output()}") from None
        finally:
            self._process = None

    def wait_ended(self) -> int:
        """Wait until it has ended by itself, or because of a signal already sent; return the exit code."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.wait(SHUTDOWN_TIMEOUT_S)

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Make it hang."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End the hanging."""
        os.kill(self.pid, signal.SIGCONT)

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Wait for a condition for as long as the process runs."""

        def holds() -> bool:
            assert self.running, f"{self.name} ended:\n{self.output()}"
            return true()

        try:
            wait_until(holds, f"{self.name}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None


class NatsServer(ChildProcess):
    """nats-server with JetStream; it keeps its port and its data over a restart. ``more`` is more configuration."""

    def __init__(self, folder: Path, more: str = "") -> None:
        super().__init__("nats", folder)
        self._more = more
        self._folder = folder
        self.port = -1

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = self._folder / "nats.conf"
        settings.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\nports_file_dir: "{self._folder}"\n'
            f'jetstream {{ store_dir: "{self._folder / "jetstream"}" }}\n{self._more}'
        )
        for old in self._folder.glob("nats-server_*.ports"):
            old.unlink()
        self.run([str(find_nats_server()), "-c", str(settings)])
        self.wait(self._read_port, "port")
        self.wait(lambda: _answers(self.port, b"", b"INFO"), "connection")

    def _read_port(self) -> bool:
        for file in self._folder.glob("nats-server_*.ports"):
            text = file.read_text()
            if text:
                self.port = int(json.loads(text)["nats"][0].rpartition(":")[2])
                return True
        return False


class StoreServer(ChildProcess):
    """A store without persistence; it keeps its port over a restart.

    ``program`` is the wheel's unless another is named; ``more`` are more arguments.
    """

    def __init__(self, folder: Path, program: Path | None = None, more: Sequence[str] = ()) -> None:
        super().__init__("store", folder)
        self._more = more
        self._folder = folder
        self._program = program
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.port = self.port or free_port()
        command = [
            str(self._program or find_store_server()),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self._folder),
        ]
        self.run([*command, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", *self._more])
        self.wait(lambda: _answers(self.port, b"PING\r\n", (b"+PONG", b"-NOAUTH")), "connection")


class ServiceProcess(ChildProcess):
    """``python -m services.<name>``.

    Parameters
    ----------
    name : str
        As in ``gateway`` or ``reward_updater``.
    folder : path
        For its output.
    environment : mapping
        Beyond that of the tests; its ports must be 0.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(name, folder)
        self._environment = {**os.environ, **environment}
        self.url = ""
        """Of its HTTP interface, or else of its probes."""

    def start(self, wait_for: str = "/readyz") -> None:
        """Start, and wait until the path is answered with 200; without a path, until it listens."""
        before = len(self.output())
        self.run([sys.executable, "-m", f"pointsman_{self.name.partition('-')[0]}"], self._environment)
        self.wait(lambda: self._read_url(before), "url")
        if wait_for:
            self.wait(lambda: http_status(self.url + wait_for) == 200, wait_for)

    def _read_url(self, start: int) -> bool:
        for line in self.output()[start:].splitlines():
            found = _URL.search(line)
            if found and ("listening at" in line or "probes at" in line):
                self.url = found[0]
                return True
        return False


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_status(url: str) -> int:
    """Return the status of a GET; 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=5.0) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def _answers(port: int, question: bytes, begins: bytes | tuple[bytes, ...]) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.sendall(question)
            return connection.recv(64).startswith(begins)
    except OSError:
        return False
