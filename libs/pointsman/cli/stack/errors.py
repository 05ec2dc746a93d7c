"""What can go wrong with the embedded stack.

::

    StackError (Exception)
    ├── DataDirBusy      another stack runs on the data directory
    ├── PortBusy         the port that was asked for is in use
    ├── ProgramMissing   nats-server or valkey-server cannot be found
    ├── StartFailed      something did not start, or was not ready in time
    └── NoAnswer         nothing, or nothing sensible, answers at an address
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
        Who holds it, as ``process 123``.
    """

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(f"another stack runs on {data_dir}: {holder} holds it; stop it, or choose another --data-dir")
        self.holder = holder


class PortBusy(StackError):
    """The port that was asked for is in use.

    Parameters
    ----------
    host : str
    port : int
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is in use; choose another --port, or leave it out to get a free one")
        self.port = port


class ProgramMissing(StackError):
    """A program that the stack needs cannot be found."""


class StartFailed(StackError):
    """Something did not start, or was not ready in time."""


class NoAnswer(StackError):
    """Nothing, or nothing sensible, answers at an address."""
