"""The embedded stack: starts and supervises NATS, the store and the services on one machine."""

from pointsman.cli.stack.errors import DataDirBusy, NoResponse, PortBusy, ProgramMissing, StackError, StartFailed
from pointsman.cli.stack.service_process import SERVICES
from pointsman.cli.stack.stack import Stack
from pointsman.cli.stack.stack_file import StackFile, StackProcess, find_stack

__all__ = [
    "SERVICES",
    "DataDirBusy",
    "NoResponse",
    "PortBusy",
    "ProgramMissing",
    "Stack",
    "StackError",
    "StackFile",
    "StackProcess",
    "StartFailed",
    "find_stack",
]
