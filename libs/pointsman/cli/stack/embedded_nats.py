"""The embedded NATS: its ports, its configuration file, and whether it answers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pointsman.cli.stack.answers import nats_info
from pointsman.cli.stack.errors import NoAnswer
from pointsman.cli.stack.ports import LOOPBACK, Ports
from pointsman.contracts.access.credentials import Credentials, write_private
from pointsman.contracts.access.nats_permissions import users_conf
from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus.streams import stream_configs

USUAL_PORT = 4222
USUAL_MONITOR_PORT = 8222
_BESIDE_THE_STREAMS_BYTES = 256 * 1024**2


class EmbeddedNats:
    """A nats-server on loopback with JetStream under the data directory.

    Parameters
    ----------
    program : path
    data_dir : path
    config : NatsConfig
        Says how much room the streams take.
    credentials : Credentials
        Whom it lets in.
    """

    name = "nats"

    def __init__(self, program: Path, data_dir: Path, config: NatsConfig, credentials: Credentials) -> None:
        self.url = self.monitor_url = ""
        self.chosen: dict[str, int] = {}
        self._program = program
        self._data_dir = data_dir
        self._config = config
        self._credentials = credentials

    def prepare(self, ports: Ports, remembered: dict[str, int]) -> list[str]:
        """Choose the ports, write ``nats.conf``, and return what to execute.

        4222 is taken when it is free, because ``nats sub`` looks there when it is not told otherwise.
        """
        port = ports.choose([USUAL_PORT, remembered.get("nats", 0)])
        monitor = ports.choose([USUAL_MONITOR_PORT, remembered.get("monitor", 0)])
        self.chosen = {"nats": port, "monitor": monitor}
        self.url, self.monitor_url = f"nats://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{monitor}"
        file = self._data_dir / "nats.conf"
        users = users_conf(self._credentials.nats)
        write_private(file, nats_conf(self._data_dir, self._config, port, monitor) + users)
        return [str(self._program), "-c", str(file)]

    async def check(self, pid: int) -> None:
        """Raise `NoAnswer` unless it answers, with JetStream on; its name, not its process, tells it from another."""
        info = await nats_info(self.url)
        if info.server_name != server_name(self._data_dir):
            raise NoAnswer(f"{self.url}: another NATS answers, {info.server_name}")
        if not info.jetstream:
            raise NoAnswer(f"{self.url}: JetStream is not on")


def server_name(data_dir: Path) -> str:
    """Return a name that only the stack on this data directory has."""
    return f"pointsman-{hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:8]}"


def nats_conf(data_dir: Path, config: NatsConfig, port: int, monitor_port: int) -> str:
    """Return the configuration file's text, but for the users.

    JetStream reserves every stream's ``max_bytes``, so its room is the sum of them and a little for the bucket.
    """
    room = sum(stream.max_bytes or 0 for stream in stream_configs(config)) + _BESIDE_THE_STREAMS_BYTES
    return f"""# Written by pointsman at every start.
server_name: {server_name(data_dir)}
host: "{LOOPBACK}"
port: {port}
http: "{LOOPBACK}:{monitor_port}"
pid_file: {_quoted(data_dir / "nats.pid")}
max_payload: 1MB
max_connections: 1024
max_subscriptions: 1024
jetstream {{
  store_dir: {_quoted(data_dir / "nats")}
  max_file_store: {room}
  max_memory_store: 64MB
  # What a power cut may take. A killed process loses nothing: what is acknowledged is with the kernel by then.
  sync_interval: "1s"
}}
"""


def _quoted(path: Path) -> str:
    return json.dumps(str(path.resolve()), ensure_ascii=False)
