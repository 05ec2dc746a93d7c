"""The name of the command in hints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pointsman.cli.options import command_name


def _installed(folder: Path) -> Path:
    file = folder / "pointsman"
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_a_command_on_the_path_has_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _installed(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(file), "up"])
    assert command_name() == "pointsman"


def test_a_command_outside_the_path_has_the_typed_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    file = _installed(folder)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(file), "up"])
    assert command_name() == f"'{file}'"


def test_another_program_that_runs_the_command_line_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest"])
    assert command_name() == "pointsman"
