"""The embedded store: its port, its configuration file, and whether it answers."""

from __future__ import annotations

import json
from pathlib import Path

from pointsman.cli.stack.answers import store_pid
from pointsman.cli.stack.errors import NoAnswer
from pointsman.cli.stack.ports import LOOPBACK, Ports
from pointsman.contracts.access.credentials import Credentials, write_private
from pointsman.contracts.access.redis_acl import acl_file


class EmbeddedStore:
    """A valkey-server (or redis-server) on loopback with its data under the data directory.

    Parameters
    ----------
    program : path
    data_dir : path
    credentials : Credentials
        Whom it lets in.
    """

    name = "store"
    monitor_url = ""

    def __init__(self, program: Path, data_dir: Path, credentials: Credentials) -> None:
        self.url = ""
        self.chosen: dict[str, int] = {}
        self._program = program
        self._data_dir = data_dir
        self._credentials = credentials

    def prepare(self, ports: Ports, remembered: dict[str, int]) -> list[str]:
        """Choose the port, write ``valkey.conf``, and return what to execute.

        Never 6379 by choice: other programs of a developer's machine look there for a store of their own.
        """
        port = ports.choose([remembered.get("store", 0)])
        self.chosen = {"store": port}
        self.url = f"redis://{LOOPBACK}:{port}/0"
        folder = self._data_dir / "store"
        folder.mkdir(exist_ok=True)
        file = self._data_dir / "valkey.conf"
        users = self._data_dir / "valkey.acl"
        write_private(users, acl_file(self._credentials.redis))
        write_private(file, store_conf(folder, port, users))
        return [str(self._program), str(file)]

    async def check(self, pid: int) -> None:
        """Raise `NoAnswer` unless this very process serves commands."""
        if await store_pid(self.url, "operator", self._credentials.redis["operator"]) != pid:
            raise NoAnswer(f"{self.url}: another store answers")


def store_conf(folder: Path, port: int, users: Path | None = None) -> str:
    """Return the configuration file's text, which Valkey 8 and Redis 7 read alike.

    ``users`` is the ACL file; without one the store lets everybody in.

    Append-only with an fsync a second: the outcome log is the truth, so a lost second is learned again from there.
    """
    return f"""# Written by pointsman at every start.
bind {LOOPBACK}
port {port}
protected-mode yes
dir {_quoted(folder)}
{f"aclfile {_quoted(users)}" if users else ""}
databases 1
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


def _quoted(path: Path) -> str:
    return json.dumps(str(path.resolve()), ensure_ascii=False)
