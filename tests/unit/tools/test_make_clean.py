"""``make clean`` in a copy of the Makefile."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (".venv", "build", "data", ".demo"):
        (tmp_path / name).mkdir()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=30)


def folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_clean_keeps_what_was_learned(folder: Path) -> None:
    assert make(folder, "clean").returncode == 0
    assert folders(folder) == [".demo", "data"]


def test_data_is_deleted_only_when_that_is_confirmed_and_no_stack_runs(folder: Path) -> None:
    refused = make(folder, "clean-data")
    assert refused.returncode != 0
    assert "make clean-data CONFIRM=yes" in refused.stdout
    (folder / ".demo" / "stack.lock").write_text(str(os.getpid()), encoding="ascii")
    running = make(folder, "clean-data", "CONFIRM=yes")
    assert running.returncode != 0
    assert f"a stack runs on .demo (process {os.getpid()})" in running.stdout
    assert folders(folder) == [".demo", ".venv", "build", "data"]
    (folder / ".demo" / "stack.lock").write_text("", encoding="ascii")
    assert make(folder, "clean-data", "CONFIRM=yes").returncode == 0
    assert folders(folder) == [".venv", "build"]
