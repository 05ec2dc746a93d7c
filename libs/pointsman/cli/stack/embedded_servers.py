"""The embedded NATS and store: their ports, configuration files and probes."""

import hashlib
import json
import secrets
from pathlib import Path

from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.ports import LOOPBACK, Ports
from pointsman.cli.stack.probes import nats_info, store_pid
from pointsman.contracts.access.credentials import Credentials, write_private
from pointsman.contracts.access.nats_permissions import users_conf
from pointsman.contracts.access.redis_acl import acl_file
from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus.streams import stream_configs

NATS_PORT = 4222
MONITOR_PORT = 8222
_RESERVE_BYTES = 256 * 1024**2
"""Room for JetStream's key-value buckets, in addition to that of the streams."""


class EmbeddedServer:
    """A server on loopback with its data under the data directory. ``credentials`` has the users that it accepts."""

    name: str

    def __init__(self, program: Path, data_dir: Path, credentials: Credentials) -> None:
        self.url = self.monitor_url = ""
        self.chosen_ports: dict[str, int] = {}
        self._program = str(program)
        self._data_dir = data_dir
        self._credentials = credentials

    def prepare(self, ports: Ports, earlier: dict[str, int]) -> list[str]:
        """Choose the ports, those of an ``earlier`` start if free, write the configuration and return the command."""
        raise NotImplementedError

    async def check(self, pid: int, supervisor: int | None) -> None:
        """Raise `ProbeFailed` unless this server, started as process ``pid``, is in service.

        On a system that shows who accepts a connection, it must also be a child process of ``supervisor``.
        """
        raise NotImplementedError


class EmbeddedNats(EmbeddedServer):
    """A nats-server with JetStream."""

    name = "nats"

    def __init__(self, program: Path, data_dir: Path, credentials: Credentials, config: NatsConfig) -> None:
        super().__init__(program, data_dir, credentials)
        self._config = config

    def prepare(self, ports: Ports, earlier: dict[str, int]) -> list[str]:
        """See the base. 4222 is preferred, because ``nats sub`` uses it by default."""
        port = ports.choose([NATS_PORT, earlier.get("nats", 0)])
        monitor = ports.choose([MONITOR_PORT, earlier.get("monitor", 0)])
        self.chosen_ports = {"nats": port, "monitor": monitor}
        # Its monitoring pages need no login and may be read by the pages of every site, so their path is a secret.
        path = f"/{secrets.token_hex(16)}"
        self.url, self.monitor_url = f"nats://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{monitor}{path}"
        file = self._data_dir / "nats.conf"
        users = users_conf(self._credentials.nats)
        write_private(file, nats_conf(self._data_dir, self._config, port, monitor, path) + users)
        return [self._program, "-c", str(file)]

    async def check(self, pid: int, supervisor: int | None) -> None:
        """See the base. The server is identified by its name."""
        info = await nats_info(self.url, supervisor=supervisor)
        if info.server_name != server_name(self._data_dir):
            raise ProbeFailed(f"{self.url}: another NATS responds, {info.server_name}")
        if not info.jetstream:
            raise ProbeFailed(f"{self.url}: JetStream is not on")


class EmbeddedStore(EmbeddedServer):
    """A valkey-server or redis-server."""

    name = "store"

    def prepare(self, ports: Ports, earlier: dict[str, int]) -> list[str]:
        """See the base. 6379 is not preferred: other programs on a developer's machine expect their own store there."""
        port = ports.choose([earlier.get("store", 0)])
        self.chosen_ports = {"store": port}
        self.url = f"redis://{LOOPBACK}:{port}/0"
        folder = self._data_dir / "store"
        folder.mkdir(mode=0o700, exist_ok=True)
        file, users = self._data_dir / "valkey.conf", self._data_dir / "valkey.acl"
        write_private(users, acl_file(self._credentials.redis))
        write_private(file, store_conf(folder, port, users))
        return [self._program, str(file)]

    async def check(self, pid: int, supervisor: int | None) -> None:
        """See the base. The server is identified by its process id."""
        password = self._credentials.redis["operator"]
        if await store_pid(self.url, "operator", password, supervisor=supervisor) != pid:
            raise ProbeFailed(f"{self.url}: another store responds")


def server_name(data_dir: Path) -> str:
    """Return a server name that is unique to this data directory."""
    return f"pointsman-{hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:8]}"


def nats_conf(data_dir: Path, config: NatsConfig, port: int, monitor_port: int, monitor_path: str = "/") -> str:
    """Return the text of ``nats.conf`` without the users.

    JetStream reserves ``max_bytes`` for every stream, so its storage is the sum of them and a reserve.
    """
    storage = sum(stream.max_bytes or 0 for stream in stream_configs(config)) + _RESERVE_BYTES
    return f"""# Written by pointsman at every start.
server_name: {server_name(data_dir)}
host: "{LOOPBACK}"
port: {port}
http: "{LOOPBACK}:{monitor_port}"
http_base_path: "{monitor_path}"
pid_file: {_quote(data_dir / "nats.pid")}
max_payload: 1MB
max_connections: 1024
max_subscriptions: 1024
jetstream {{
  store_dir: {_quote(data_dir / "nats")}
  max_file_store: {storage}
  max_memory_store: 64MB
  # What a power failure may lose. A killed process loses nothing: acknowledged data is in the kernel by then.
  sync_interval: "1s"
}}
"""


def store_conf(folder: Path, port: int, users: Path | None = None) -> str:
    """Return the text of ``valkey.conf``, valid for Valkey 8 and Redis 7.

    ``users`` is the ACL file; without one the store accepts every client.

    Append-only with one fsync per second: a lost second is learned again from the outcome log.
    """
    return f"""# Written by pointsman at every start.
bind {LOOPBACK}
port {port}
protected-mode yes
dir {_quote(folder)}
{f"aclfile {_quote(users)}" if users else ""}
databases 1
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


def _quote(path: Path) -> str:
    return json.dumps(str(path.resolve()), ensure_ascii=False)
