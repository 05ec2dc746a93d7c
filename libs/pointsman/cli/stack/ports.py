"""Choice of free ports."""

import socket
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pointsman.cli.stack.errors import PortBusy
from pointsman.contracts.access.credentials import write_private

LOOPBACK = "127.0.0.1"
_SEARCH = 100


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return True


class Ports:
    """Free ports of one host; each is returned once."""

    def __init__(self, host: str = LOOPBACK) -> None:
        self._host = host
        self._chosen: set[int] = set()

    def choose(self, preferred: Iterable[int] = ()) -> int:
        """Return the first preferred port that is free, or any free one."""
        for port in preferred:
            if port > 0 and port not in self._chosen and is_free(port, self._host):
                self._chosen.add(port)
                return port
        return self._any()

    def reserve(self, port: int) -> None:
        """Exclude a port that was chosen elsewhere."""
        self._chosen.add(port)

    def _any(self) -> int:
        while True:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((self._host, 0))
                port = int(probe.getsockname()[1])
            if port not in self._chosen:
                self._chosen.add(port)
                return port


def gateway_port(host: str, configured: int, requested: int | None = None) -> int:
    """Return the port for the gateway: the requested one, or the configured one or the next free one.

    Raise `PortBusy` if the requested port is in use.
    """
    if requested and not is_free(requested, host):
        raise PortBusy(f"port {requested} on {host} is in use; choose another --port, or omit it to get a free one")
    first = configured if requested is None else requested
    return Ports(host).choose(range(first, min(first + _SEARCH, 65536)) if first else ())


def url_host(host: str) -> str:
    """Return the host part of a URL that reaches, from this machine, a server listening on ``host``."""
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def read_ports(file: Path) -> dict[str, int]:
    """Return the ports of an earlier stack on the same data directory; empty when there is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}


def write_ports(file: Path, ports: dict[str, int]) -> None:
    """Store the ports for the next start."""
    write_private(file, msgspec.json.encode(ports).decode())
