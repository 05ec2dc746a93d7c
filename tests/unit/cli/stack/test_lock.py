from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.cli.stack.errors import DataDirBusy
from pointsman.cli.stack.lock import LOCK_FILE, OWNER_VARIABLE, DataDirLock, belongs_to, is_alive, lock_holder

_WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


async def test_a_second_lock_on_a_directory_is_refused_with_the_holder(tmp_path: Path) -> None:
    lock = await DataDirLock.acquire(tmp_path)

    with pytest.raises(DataDirBusy, match=f"process {os.getpid()}; stop it"):
        await DataDirLock.acquire(tmp_path)
    lock.release()


async def test_a_released_directory_can_be_locked_again(tmp_path: Path) -> None:
    (await DataDirLock.acquire(tmp_path)).release()
    assert lock_holder(tmp_path) is None

    lock = await DataDirLock.acquire(tmp_path)

    assert lock_holder(tmp_path) == os.getpid()
    lock.release()


async def test_the_children_of_a_killed_supervisor_are_ended_before_the_directory_is_locked(tmp_path: Path) -> None:
    dead = _process_id_that_has_ended()
    lock = await DataDirLock.acquire(tmp_path)
    environ = {**os.environ, OWNER_VARIABLE: str(tmp_path)}
    orphan = _start(environ, pass_fds=(lock.fd,))
    os.close(lock.fd)  # as the kernel does for a supervisor that was killed; the orphan still has its copy
    (tmp_path / LOCK_FILE).write_text(str(dead), encoding="ascii")

    taking = asyncio.create_task(DataDirLock.acquire(tmp_path, [orphan.pid]))
    (await taking).release()

    assert orphan.wait() == -signal.SIGTERM
    _close(orphan)


def test_a_process_of_another_directory_does_not_belong_to_this_one(tmp_path: Path) -> None:
    child = _start({**os.environ, OWNER_VARIABLE: str(tmp_path / "other")})

    assert not belongs_to(child.pid, tmp_path)
    assert belongs_to(child.pid, tmp_path / "other")
    child.kill()
    child.wait()
    assert not is_alive(child.pid)
    _close(child)


def test_a_zombie_is_not_alive() -> None:
    child = _start(dict(os.environ))
    assert is_alive(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not is_alive(child.pid)
    child.wait()
    _close(child)


def _start(environ: dict[str, str], pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", _WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, pass_fds=pass_fds
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def _close(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdin, child.stdout):
        assert stream is not None
        stream.close()


def _process_id_that_has_ended() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid
