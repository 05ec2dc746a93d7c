"""The embedded stack: starts and supervises NATS, the store and the services on one machine."""

from pointsman.cli.stack.errors import DataDirBusy, NoAnswer, PortBusy, ProgramMissing, StackError, StartFailed
from pointsman.cli.stack.services import SERVICES
from pointsman.cli.stack.stack import Stack
from pointsman.cli.stack.stack_file import Process, StackFile, find_stack

__all__ = [
    "SERVICES",
    "DataDirBusy",
    "NoAnswer",
    "PortBusy",
    "Process",
    "ProgramMissing",
    "Stack",
    "StackError",
    "StackFile",
    "StartFailed",
    "find_stack",
]
