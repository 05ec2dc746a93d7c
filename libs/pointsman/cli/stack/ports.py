"""Choosing ports: preferred ones when they are free, and never the same one twice."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pointsman.cli.stack.errors import PortBusy

LOOPBACK = "127.0.0.1"
_SEARCH = 100


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port right now."""
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
    """Gives out ports of one host, each once.

    Parameters
    ----------
    host : str
    """

    def __init__(self, host: str = LOOPBACK) -> None:
        self._host = host
        self._given: set[int] = set()

    def choose(self, preferred: Iterable[int] = ()) -> int:
        """Return the first preferred port that is free, or any free one."""
        for port in preferred:
            if port > 0 and port not in self._given and is_free(port, self._host):
                self._given.add(port)
                return port
        return self._any()

    def reserve(self, port: int) -> None:
        """Never give this one out: it was chosen elsewhere."""
        self._given.add(port)

    def _any(self) -> int:
        while True:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((self._host, 0))
                port = int(probe.getsockname()[1])
            if port not in self._given:
                self._given.add(port)
                return port


def gateway_port(host: str, configured: int, asked: int | None = None) -> int:
    """Return the port that the gateway takes: the one asked for, or the configured one or the next that is free.

    Raises
    ------
    PortBusy
        When one was asked for, and is in use.
    """
    if asked and not is_free(asked, host):
        raise PortBusy(host, asked)
    wanted = configured if asked is None else asked
    return Ports(host).choose(range(wanted, min(wanted + _SEARCH, 65536)) if wanted else ())


def url_host(host: str) -> str:
    """Return how to reach from this machine what listens on the host, as it stands in a URL."""
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def recall_ports(file: Path) -> dict[str, int]:
    """Return the ports that an earlier stack used on the same data; empty where none are known."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}


def remember_ports(file: Path, ports: dict[str, int]) -> None:
    """Write the ports for the next start."""
    file.write_bytes(msgspec.json.encode(ports))
