"""File modes of a data directory: only its owner can read what the stack writes."""

import contextlib
import os
import stat
from pathlib import Path

from pointsman.cli.stack.parent_death_signal import UMASK

_FOLDERS = frozenset({"logs", "nats", "store"})
_FILES = (
    "stack.",
    "ports.json",
    "credentials.json",
    "observer.url",
    "reader.url",
    "nats.",
    "valkey.",
    "demo.toml",
    ".pointsman-demo",
)
"""Beginnings of the names."""


def make_private(data_dir: Path) -> None:
    """Create the data directory, or remove the rights of other users from one that an older version made.

    Only what the stack writes is changed. The mode of the directory itself stays if it has other entries: it may be a
    project's or a user's own folder.
    """
    if not data_dir.exists():
        data_dir.mkdir(mode=0o700, parents=True)
    entries = list(data_dir.iterdir())
    ours = [entry for entry in entries if entry.name in _FOLDERS or entry.name.startswith(_FILES)]
    for entry in ours if len(ours) < len(entries) else [data_dir]:
        _tighten(entry)
        for folder, folders, files in os.walk(entry):
            for name in (*folders, *files):
                _tighten(Path(folder, name))


def _tighten(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # a server of an earlier stack may still remove files
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISLNK(status.st_mode) and mode & UMASK:
            path.chmod(mode & ~UMASK)
