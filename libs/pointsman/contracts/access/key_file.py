"""The key file: one JSON object per line, so that adding or revoking a key does not change the others."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pointsman.contracts.access.keys import StoredKey, key_problems
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage

_decoder = msgspec.json.Decoder(StoredKey)


class KeyFileError(Exception):
    """The key file cannot be read or written."""


def read_keys(file: Path) -> tuple[list[StoredKey], list[str]]:
    """Return the keys of a file, and the problems of invalid lines. A missing file has no keys.

    Empty lines and lines that begin with ``#`` are ignored.

    Raises
    ------
    KeyFileError
        When the file exists and cannot be read.
    """
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise KeyFileError(f"{file}: {error.strerror or error}") from error
    keys: dict[str, StoredKey] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        where = f"{file}: line {number}"
        try:
            key = decode(_decoder, line)
        except InvalidMessage as error:
            problems.append(f"{where}: {error}")
            continue
        wrong = key_problems(key, where)
        if key.id in keys:
            wrong.append(f"{where}.id: used twice")
        problems += wrong
        if not wrong:
            keys[key.id] = key
    return list(keys.values()), problems


def add_key(file: Path, key: StoredKey) -> None:
    """Append a key, or raise `KeyFileError`; a missing file is created, readable by its owner only."""
    line = msgspec.json.encode(key) + b"\n"
    _rewrite(file, lambda old: old + (b"" if not old or old.endswith(b"\n") else b"\n") + line)


def remove_keys(file: Path, wanted: str) -> list[StoredKey]:
    """Remove the key with this id, or all keys with this name, and return them; or raise `KeyFileError`."""
    removed: list[StoredKey] = []

    def without(old: bytes) -> bytes:
        kept = []
        for line in old.splitlines(keepends=True):
            key = None
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                key = _decoder.decode(line)
            if key is not None and wanted in (key.id, key.name):
                removed.append(key)
            else:
                kept.append(line)
        return b"".join(kept)

    _rewrite(file, without)
    return removed


def _rewrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace the file atomically, so that a reader never sees a part of it."""
    try:
        with _locked(file.parent):
            old = file.read_bytes() if file.exists() else b""
            new = change(old)
            if new == old:
                return
            mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
            descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
            try:
                with os.fdopen(descriptor, "wb") as written:
                    written.write(new)
                    os.fchmod(descriptor, mode)
                    written.flush()
                    os.fsync(descriptor)
                Path(name).replace(file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise KeyFileError(f"{file}: {error.strerror or error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder for one process. The file itself cannot be locked, because it is replaced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
