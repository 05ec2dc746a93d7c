from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.devtools.demo.folder import MARKER, FolderRefused, prepare_folder


def test_a_new_folder_is_made_and_marked(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "demo", keep=False, running=False)
    assert [file.name for file in (tmp_path / "a" / "demo").iterdir()] == [MARKER]


def test_what_an_earlier_demo_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare_folder(folder, keep=False, running=False)
    (folder / "old").mkdir()
    (folder / "old" / "file").touch()
    prepare_folder(folder, keep=False, running=False)
    assert [file.name for file in folder.iterdir()] == [MARKER]


def test_what_an_earlier_demo_left_is_kept_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare_folder(folder, keep=False, running=False)
    (folder / "old").touch()
    prepare_folder(folder, keep=True, running=False)
    assert (folder / "old").exists()


@pytest.mark.parametrize("keep", [False, True])
def test_a_folder_that_the_demo_did_not_create_is_not_changed(tmp_path: Path, keep: bool) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(FolderRefused, match="not created by the demo"):
        prepare_folder(tmp_path, keep=keep, running=False)
    assert [file.name for file in tmp_path.iterdir()] == ["precious"]


def test_a_link_to_a_folder_is_not_changed(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "real", keep=False, running=False)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(FolderRefused, match="not a directory"):
        prepare_folder(tmp_path / "link", keep=False, running=False)


def test_a_folder_with_a_running_stack_is_not_changed(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "demo", keep=False, running=False)
    with pytest.raises(FolderRefused, match="running"):
        prepare_folder(tmp_path / "demo", keep=False, running=True)
