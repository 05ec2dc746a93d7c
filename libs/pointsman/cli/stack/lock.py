"""The lock on a data directory: one stack at a time."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from pointsman.cli.stack.errors import DataDirBusy
from pointsman.cli.stack.processes import belongs_to, is_alive

LOCK_FILE = "stack.lock"
_ORPHANS_END_S = 10.0
_KILLED_END_S = 3.0


class DataDirLock:
    """Holds a data directory.

    The children inherit the lock's file descriptor, so the directory is free only when the supervisor *and* all of its
    children have ended: no second NATS can open files that the first still writes. The kernel drops the lock with the
    last of them, whatever they died of, so it is never stale.

    Use `DataDirLock.take`.
    """

    def __init__(self, file_descriptor: int) -> None:
        self.fd = file_descriptor

    @classmethod
    async def take(cls, data_dir: Path, leftovers: Iterable[int] = ()) -> DataDirLock:
        """Lock the directory; end what is left of a stack whose supervisor was killed.

        Parameters
        ----------
        data_dir : path
        leftovers : iterable of int
            Process ids of the earlier stack. Only those that still belong to the directory are signalled.

        Raises
        ------
        DataDirBusy
            When a supervisor that is alive holds it.
        """
        fd = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _try_lock(fd):
                holder = lock_holder(data_dir)
                if holder is None or is_alive(holder):
                    raise DataDirBusy(data_dir, f"process {holder}" if holder else "a process that just started")
                await _outlive(fd, data_dir, list(leftovers))
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Give the directory back."""
        os.ftruncate(self.fd, 0)
        os.close(self.fd)


def lock_holder(data_dir: Path) -> int | None:
    """Return the process id that last locked the directory, alive or not; None when it was given back."""
    try:
        return int((data_dir / LOCK_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _outlive(fd: int, data_dir: Path, leftovers: list[int]) -> None:
    """Wait for the children of a dead supervisor to end, first asked and then made to."""
    for number, bound_s in ((signal.SIGTERM, _ORPHANS_END_S), (signal.SIGKILL, _KILLED_END_S)):
        for pid in leftovers:
            if belongs_to(pid, data_dir):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        deadline = time.monotonic() + bound_s
        while time.monotonic() < deadline:
            if _try_lock(fd):
                return
            await asyncio.sleep(0.05)
    raise DataDirBusy(data_dir, f"what is left of an earlier stack (processes {leftovers or 'unknown'})")
