"""A program on the port of NATS or of the store that greets like NATS and records what it is handed.

``python impostor.py PORT GREETING FILE`` runs one on its own for a minute; FILE gets a line per connection, then what
was received.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self


def nats_greeting(server_name: str) -> str:
    """Return the greeting of a NATS server that requires a login."""
    info = {"server_id": "X", "server_name": server_name, "version": "2.11.0", "proto": 1, "headers": True}
    return f"INFO {json.dumps(info | {'jetstream': True, 'auth_required': True, 'max_payload': 1048576})}\r\n"


class Impostor:
    """Listens on a loopback port in the block; waits until the port is free."""

    def __init__(self, port: int, greeting: str = "", within_s: float = 10.0) -> None:
        self.received: list[bytes] = []
        self._port, self._greeting, self._within_s = port, greeting.encode(), within_s
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        deadline = time.monotonic() + self._within_s
        while True:
            try:
                self._listener = socket.create_server(("127.0.0.1", self._port))
                break
            except OSError:
                assert time.monotonic() < deadline, f"port {self._port} is not free"
                time.sleep(0.001)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self.received.append(b"")
                threading.Thread(target=self._read, args=(connection, len(self.received) - 1), daemon=True).start()

    def _read(self, connection: socket.socket, at: int) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(self._greeting)
            while data := connection.recv(4096):
                self.received[at] += data
                connection.sendall(b"+OK\r\n")


if __name__ == "__main__":
    port, greeting, file = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    with Impostor(port, greeting) as impostor:
        for _ in range(600):
            file.write_bytes(b"listening\n" + b"".join(b"connection\n" + one for one in impostor.received))
            time.sleep(0.1)
