"""Base class of the configuration's sections, and checks that several sections need."""

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from pointsman.core.violations import Violation

SECRET = frozenset({"password"})
"""Settings whose value is never shown."""

CLASS_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""``module:Class``."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections: immutable, without unknown keys, and with a representation that contains no secret.

    Ranges of single settings are in their types (`pointsman.core.bounds`). A section overrides `problems` for rules
    that concern several of its settings, or that a type cannot express.
    """

    unique: ClassVar[str] = ""
    """For sections that may occur several times: the setting that must differ."""

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section; paths are relative to it."""
        yield from ()

    def __repr__(self) -> str:
        """Return the settings without secrets, so that no log line and no traceback contains one."""
        shown = []
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in SECRET and value is not None:
                value = "***"
            elif name == "url":
                value = without_userinfo(value)
            shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def without_userinfo(url: str) -> str:
    """Return a URL, or several separated by commas, without user and password."""
    return ",".join(_without_userinfo(part) for part in url.split(","))


def _without_userinfo(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    host = rest.rpartition("@")[2]
    return f"{scheme}{separator}{host}"


def has_userinfo(url: str) -> bool:
    """Return whether a URL, or one of several separated by commas, contains a user."""
    return without_userinfo(url) != url


def url_problem(url: str, schemes: tuple[str, ...]) -> str:
    """Return why a URL is not valid, without repeating it; empty for a valid URL."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is not None or not parts.netloc.rpartition("@")[2].endswith(":")
    except ValueError:
        return (
            "not a valid URL; the port must be a number, and : / @ % in a password must be encoded as %3A %2F %40 %25"
        )
    if parts.scheme not in schemes or not parts.hostname or not has_port:
        return f"expected {' or '.join(f'{scheme}://host:port' for scheme in schemes)}"
    return ""
