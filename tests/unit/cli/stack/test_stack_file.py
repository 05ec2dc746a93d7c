from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from pointsman.cli.stack.lock import LOCK_FILE, DataDirLock
from pointsman.cli.stack.stack_file import (
    STACK_FILE,
    StackFile,
    StackProcess,
    find_stack,
    read_stack_file,
    remove_stack_file,
    write_stack_file,
)

RUNNING = StackFile(
    gateway=[StackProcess(pid=os.getpid(), url="http://127.0.0.1:8080")],
    nats=[StackProcess(pid=os.getpid(), url="nats://127.0.0.1:4222", monitor="http://127.0.0.1:8222")],
)


def test_the_file_holds_lists_by_kind_that_other_programs_can_read(tmp_path: Path) -> None:
    write_stack_file(tmp_path, RUNNING)

    content = json.loads((tmp_path / STACK_FILE).read_text())
    assert list(content) == ["gateway", "decision", "shadow_evaluator", "reward_updater", "nats", "store"]
    assert content["gateway"] == [{"pid": os.getpid(), "url": "http://127.0.0.1:8080"}]
    assert content["nats"][0]["monitor"] == "http://127.0.0.1:8222"
    assert content["store"] == []


def test_only_the_user_who_started_the_stack_may_read_the_file(tmp_path: Path) -> None:
    write_stack_file(tmp_path, StackFile())
    write_stack_file(tmp_path, RUNNING)

    assert stat.S_IMODE((tmp_path / STACK_FILE).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [STACK_FILE]


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / STACK_FILE).write_text("{", encoding="utf-8")

    assert read_stack_file(tmp_path) is None
    assert find_stack(tmp_path) is None


def test_removing_a_file_that_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_stack_file(tmp_path)

    assert read_stack_file(tmp_path) is None


async def test_a_stack_is_found_while_its_supervisor_lives(tmp_path: Path) -> None:
    write_stack_file(tmp_path, RUNNING)
    assert find_stack(tmp_path) is None

    lock = await DataDirLock.acquire(tmp_path)
    assert find_stack(tmp_path) == RUNNING
    assert find_stack(str(tmp_path)) == RUNNING

    lock.release()
    assert find_stack(tmp_path) is None


def test_a_stack_whose_supervisor_was_killed_is_not_found(tmp_path: Path) -> None:
    write_stack_file(tmp_path, RUNNING)
    (tmp_path / LOCK_FILE).write_text(str(2**22 + 1), encoding="ascii")  # above the largest process id of Linux

    assert find_stack(tmp_path) is None
