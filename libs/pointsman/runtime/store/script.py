"""Lua scripts, which the store runs atomically."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec


class Script:
    """A Lua script from the folder ``scripts/`` of a package.

    ``name`` is the file name without ``.lua``. A read-only script runs with ``EVALSHA_RO``, so that a user without
    write permission can run it.
    """

    def __init__(self, package: str, name: str, *, read_only: bool = False) -> None:
        self.name = name
        self.read_only = read_only
        self.text = (files(package) / "scripts" / f"{name}.lua").read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def lua_string(data: bytes) -> msgspec.Raw:
    """Return binary data for a msgpack argument of a script, as a string: Lua's ``cmsgpack`` has no binary type."""
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)
