"""Errors of the embedded stack.

::

    StackError (Exception)
    ├── DataDirBusy      another stack runs on the data directory
    ├── PortBusy         the requested port is in use
    ├── ProgramMissing   nats-server or valkey-server was not found
    ├── StartFailed      a process did not start, or was not ready in time
    └── NoResponse       no valid response from an address
"""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """Base of every error raised by :mod:`pointsman.cli.stack`."""


class DataDirBusy(StackError):
    """Another stack runs on the data directory.

    Parameters
    ----------
    data_dir : path
    holder : str
        Its owner, as ``process 123``.
    """

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(f"another stack runs on {data_dir}: {holder}; stop it, or choose another --data-dir")
        self.holder = holder


class PortBusy(StackError):
    """The requested port is in use.

    Parameters
    ----------
    host : str
    port : int
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is in use; choose another --port, or omit it to get a free one")
        self.port = port


class ProgramMissing(StackError):
    """A program that the stack needs was not found."""


class StartFailed(StackError):
    """A process did not start, or was not ready in time."""


class NoResponse(StackError):
    """No valid response from an address."""
