"""Errors of the embedded stack.

::

    StackError (Exception)
    ├── DataDirBusy      another stack runs on the data directory
    ├── PortBusy         the requested port is in use
    ├── ProgramMissing   nats-server or valkey-server was not found
    ├── StartFailed      a process did not start, or was not ready in time
    │   └── NotReadyYet  all processes run, and a service is not ready in time
    └── ProbeFailed      no valid response from an address
"""


class StackError(Exception):
    """Base of every error raised by :mod:`pointsman.cli.stack`."""


class DataDirBusy(StackError):
    """Another stack runs on the data directory."""


class PortBusy(StackError):
    """The requested port is in use."""


class ProgramMissing(StackError):
    """A program that the stack needs was not found."""


class StartFailed(StackError):
    """A process did not start, or was not ready in time."""


class NotReadyYet(StartFailed):
    """All processes run, and a service is not ready in time."""


class ProbeFailed(StackError):
    """No valid response from an address."""
