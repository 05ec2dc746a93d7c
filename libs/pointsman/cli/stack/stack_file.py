"""``stack.json``: what runs on a data directory, for whoever wants to find it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pointsman.cli.stack.lock import lock_holder
from pointsman.cli.stack.processes import is_alive

STACK_FILE = "stack.json"


class Process(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process of the stack.

    Attributes
    ----------
    pid : int
    url : str
        The gateway's API, NATS's and the store's address, and for the other services where they answer ``/readyz``.
    monitor : str
        NATS's monitoring page.
    """

    pid: int
    url: str
    monitor: str = ""


class StackFile(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of a running stack, by what they are."""

    gateway: list[Process] = []
    decision: list[Process] = []
    shadow_evaluator: list[Process] = []
    reward_updater: list[Process] = []
    nats: list[Process] = []
    store: list[Process] = []

    def processes(self) -> Iterator[Process]:
        """Yield all of them."""
        for name in self.__struct_fields__:
            yield from getattr(self, name)


def write_stack_file(data_dir: Path, content: StackFile) -> None:
    """Replace the file in one step; only the user who started the stack may read it."""
    target = data_dir / STACK_FILE
    fresh = target.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    fresh.replace(target)


def remove_stack_file(data_dir: Path) -> None:
    """Remove the file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        (data_dir / STACK_FILE).unlink()


def read_stack_file(data_dir: Path) -> StackFile | None:
    """Return what the file says, true or not; None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode((data_dir / STACK_FILE).read_bytes(), type=StackFile)
    except (OSError, msgspec.MsgspecError):
        return None


def find_stack(data_dir: Path | str) -> StackFile | None:
    """Return the stack that runs on a data directory, or None when none does.

    A stack that was killed leaves its file behind; it counts only while its supervisor and one of its processes live.
    """
    folder = Path(data_dir)
    content = read_stack_file(folder)
    holder = lock_holder(folder)
    if content is None or holder is None or not is_alive(holder):
        return None
    return content if any(is_alive(process.pid) for process in content.processes()) else None
