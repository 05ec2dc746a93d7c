"""The two servers as the fault suite needs them: persistent, limited if wanted, with data that can be put back."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from tests.support.processes import ChildProcess, free_port


class Nats(ChildProcess):
    """nats-server with JetStream on a folder.

    Parameters
    ----------
    folder : path
    data : path, optional
        Where the streams are; in ``folder`` when left out.
    monitor : int
        Port of the monitoring endpoint; none by default.
    """

    def __init__(self, folder: Path, data: Path | None = None, monitor: int = 0) -> None:
        super().__init__("nats", folder)
        self.monitor = monitor
        self._settings = folder / "nats.conf"
        self.data = data or folder / "jetstream"
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._settings.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\nmax_payload: 1MB\n'
            + (f'http: "127.0.0.1:{self.monitor}"\n' if self.monitor else "")
            + f'jetstream {{ store_dir: "{self.data}", max_file_store: 8GB }}\n'
        )
        self.run([str(find_nats_server()), "-c", str(self._settings)])
        self.wait(lambda: _listens(self.port), "connection")

    def stream_folder(self, stream: str) -> Path:
        """Return where a stream's messages are."""
        (found,) = self.data.glob(f"**/streams/{stream}")
        return found


STORE_TIMEOUT_S = 5.0


def store_client(url: str) -> redis.Redis:
    """Return a client of a store that may be killed or hang at any moment: every command has a bound, and one try."""
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=STORE_TIMEOUT_S,
        socket_connect_timeout=STORE_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


class KeptStore(ChildProcess):
    """A store that appends every change to a file, as the embedded stack runs it."""

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        super().__init__("store", folder)
        self.data = data or folder / "store"
        self.data.mkdir(exist_ok=True)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--dir": str(self.data),
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--maxmemory-policy": "noeviction",
        }
        self.run([str(find_store_server()), *(word for option in options.items() for word in option)])
        self.wait(lambda: _listens(self.port), "connection")


def copy_folder(source: Path, target: Path) -> None:
    """Make the target what the source is."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


class SmallDisk:
    """A file system of a few megabytes, for filling up. Needs the right to mount.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    size_mb : int
    """

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self._size_mb = size_mb

    def mount(self) -> bool:
        """Mount it; return whether that was permitted."""
        self.folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_mb}m", "tmpfs", str(self.folder)]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            block = b"\0" * 4096
            try:
                while ballast.write(block) == len(block):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Take the ballast away again."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


class SizeLimit:
    """What a full disk does, where no file system can be mounted: the processes' next writes to files fail.

    Parameters
    ----------
    processes : function
        Returns the ids of the processes. This one is limited to files of a megabyte meanwhile.
    """

    def __init__(self, processes: Callable[[], list[int]]) -> None:
        self._processes = processes

    def fill(self) -> None:
        """Let every write fail."""
        self._limit(0, 1024**2)

    def free(self) -> None:
        """Let writes succeed again."""
        self._limit(resource.RLIM_INFINITY, resource.RLIM_INFINITY)

    def _limit(self, theirs: int, own: int) -> None:
        for pid, limit in [*((pid, theirs) for pid in self._processes()), (os.getpid(), own)]:
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit if hard == resource.RLIM_INFINITY else hard, hard))


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.settimeout(2.0)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"INFO", b"+PONG"))
    except OSError:
        return False
