"""The file ``stack.json``: the processes that run on a data directory."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pointsman.cli.stack.lock import is_alive, lock_holder
from pointsman.contracts.access.credentials import write_private

STACK_FILE = "stack.json"


class StackProcess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process of the stack.

    Attributes
    ----------
    url: Address of the gateway's API, NATS or the store; for the other services the address of ``/readyz``.
    monitor: URL of NATS's monitoring page.
    """

    pid: int
    url: str
    monitor: str = ""


class StackFile(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of a running stack by service."""

    gateway: list[StackProcess] = []
    decision: list[StackProcess] = []
    shadow_evaluator: list[StackProcess] = []
    reward_updater: list[StackProcess] = []
    nats: list[StackProcess] = []
    store: list[StackProcess] = []

    def processes(self) -> Iterator[StackProcess]:
        """Yield all processes."""
        for name in self.__struct_fields__:
            yield from getattr(self, name)


def write_stack_file(data_dir: Path, content: StackFile) -> None:
    """Replace the file atomically; only the user who started the stack can read it."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
    write_private(data_dir / STACK_FILE, text + "\n")


def remove_stack_file(data_dir: Path) -> None:
    """Remove the file if it exists."""
    (data_dir / STACK_FILE).unlink(missing_ok=True)


def read_stack_file(data_dir: Path) -> StackFile | None:
    """Return the content of the file, current or stale; None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode((data_dir / STACK_FILE).read_bytes(), type=StackFile)
    except (OSError, msgspec.MsgspecError):
        return None


def find_stack(data_dir: Path | str) -> StackFile | None:
    """Return the stack that runs on a data directory; None when none runs.

    A stack that was killed leaves its file: it counts only while its supervisor and one of its processes are alive.
    """
    folder = Path(data_dir)
    content = read_stack_file(folder)
    holder = lock_holder(folder)
    if content is None or holder is None or not is_alive(holder):
        return None
    return content if any(is_alive(process.pid) for process in content.processes()) else None
