"""Lock on a data directory: one stack at a time."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from pointsman.cli.stack.errors import DataDirBusy

LOCK_FILE = "stack.lock"
OWNER_VARIABLE = "POINTSMAN_DATA_DIR"
"""In the environment of every child: the absolute path of the data directory it belongs to."""
_TERMINATE_TIMEOUT_S = 10.0
_KILL_TIMEOUT_S = 3.0


class DataDirLock:
    """Lock on a data directory. Use `DataDirLock.acquire`.

    The children inherit the file descriptor of the lock, so the directory is free only when the supervisor *and* all
    its children have ended: no second NATS can open files that the first one still writes. The kernel releases the lock
    with the last of them, however they ended, so it is never stale.
    """

    def __init__(self, file_descriptor: int) -> None:
        self.fd = file_descriptor

    @classmethod
    async def acquire(cls, data_dir: Path, earlier_pids: Iterable[int] = ()) -> DataDirLock:
        """Lock the directory; end the children of a supervisor that was killed.

        Parameters
        ----------
        earlier_pids : iterable of int
            Process ids of the earlier stack. Only those that still belong to the directory are signalled.

        Raises
        ------
        DataDirBusy
            A live supervisor holds it.
        """
        fd = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _try_lock(fd):
                holder = lock_holder(data_dir)
                if holder is None or is_alive(holder):
                    raise _busy(data_dir, f"process {holder}" if holder else "a process that just started")
                await _end_orphans(fd, data_dir, list(earlier_pids))
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Release the lock."""
        os.ftruncate(self.fd, 0)
        os.close(self.fd)


def lock_holder(data_dir: Path) -> int | None:
    """Return the process id that last locked the directory, alive or not; None after a release."""
    try:
        return int((data_dir / LOCK_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def is_alive(pid: int) -> bool:
    """Return whether the process exists; a zombie does not count where ``/proc`` shows it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def belongs_to(pid: int, data_dir: Path) -> bool:
    """Return whether a stack on this data directory started the process; false for a reused process id."""
    mark = f"{OWNER_VARIABLE}={data_dir.resolve()}"
    try:
        if Path("/proc/self/environ").exists():
            return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        listed = subprocess.run(["ps", "eww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return mark.encode() in listed.stdout
    except OSError:
        return False


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _end_orphans(fd: int, data_dir: Path, pids: list[int]) -> None:
    """Send SIGTERM, then SIGKILL, to the children of a dead supervisor until the lock is free."""
    for number, timeout_s in ((signal.SIGTERM, _TERMINATE_TIMEOUT_S), (signal.SIGKILL, _KILL_TIMEOUT_S)):
        for pid in pids:
            if belongs_to(pid, data_dir):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if _try_lock(fd):
                return
            await asyncio.sleep(0.05)
    raise _busy(data_dir, f"an earlier stack whose processes did not end ({pids or 'unknown'})")


def _busy(data_dir: Path, holder: str) -> DataDirBusy:
    return DataDirBusy(f"another stack runs on {data_dir}: {holder}; stop it, or choose another --data-dir")
