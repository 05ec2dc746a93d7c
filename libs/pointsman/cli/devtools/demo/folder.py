"""Data directory of the demo: emptied at each start, but only if the demo created it."""

import shutil
from pathlib import Path

MARKER = ".pointsman-demo"


class FolderRefused(Exception):
    """The directory is in use, or was not created by the demo."""


def prepare_folder(folder: Path, *, keep: bool, running: bool) -> None:
    """Create the directory, or empty it unless ``keep``. Refused while a stack is ``running`` on it.

    Raise `FolderRefused` also for a directory that the demo did not create.
    """
    marker = folder / MARKER
    if running:
        raise FolderRefused(f"a stack is running on {folder}; stop it first, or choose another --data-dir")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderRefused(f"{folder} is not a directory")
    if folder.exists() and any(folder.iterdir()):
        if not marker.is_file():
            raise FolderRefused(f"{folder} was not created by the demo and is not changed; choose another --data-dir")
        if keep:
            return
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(
        "Created by `pointsman demo`, which deletes this directory when it starts again.\n", encoding="utf-8"
    )
