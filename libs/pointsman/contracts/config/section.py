"""What the sections of the configuration have in common."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

SECRET = frozenset({"password"})
"""Settings whose value is shown nowhere."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=None):
    """Base of the sections: frozen, an unknown key is an error, and what it prints holds no secret."""

    def __repr__(self) -> str:
        """Return the settings, secrets left out, so that no log line and no traceback can hold one."""
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
    """Return a URL, or several separated by commas, as it may be shown: without user and password."""
    return ",".join(_without_userinfo(part) for part in url.split(","))


def _without_userinfo(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    host = rest.rpartition("@")[2]
    return f"{scheme}{separator}{host}"


def has_userinfo(url: str) -> bool:
    """Tell whether a URL, or one of several separated by commas, names a user."""
    return without_userinfo(url) != url


def url_problem(url: str, schemes: tuple[str, ...]) -> str:
    """Return what is wrong with a URL, in words that do not repeat it; empty when nothing is."""
    try:
        parts = urlsplit(url)
        port_given = parts.port is not None or not parts.netloc.rpartition("@")[2].endswith(":")
    except ValueError:
        return "not a URL (is the port a number, and a password with : / @ % written as %3A %2F %40 %25?)"
    if parts.scheme not in schemes or not parts.hostname or not port_given:
        return f"expected {' or '.join(f'{scheme}://host:port' for scheme in schemes)}"
    return ""
