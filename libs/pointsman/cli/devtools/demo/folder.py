"""The demo's data directory: made fresh each time, and never anything deleted that the demo did not make."""

from __future__ import annotations

import shutil
from pathlib import Path

MARKER = ".pointsman-demo"


class FolderRefused(Exception):
    """The directory is in use, or holds something that the demo did not put there."""


def prepare_folder(folder: Path, *, keep: bool, running: bool) -> None:
    """Make the directory ready: empty, unless what an earlier demo left is to be kept.

    Parameters
    ----------
    folder : path
    keep : bool
        Keep what an earlier demo learned.
    running : bool
        A stack runs on it.

    Raises
    ------
    FolderRefused
    """
    marker = folder / MARKER
    if running:
        raise FolderRefused(f"a stack is running on {folder}; stop it first, or choose another --data-dir")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderRefused(f"{folder} is not a directory")
    if folder.exists() and any(folder.iterdir()):
        if not marker.is_file():
            raise FolderRefused(f"{folder} was not made by the demo, so it is left alone; choose another --data-dir")
        if keep:
            return
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(
        "Made by `pointsman demo`, which deletes this directory when it starts again.\n", encoding="utf-8"
    )
