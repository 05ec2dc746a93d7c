"""Passwords: one for each user on NATS and one in the store, made by chance and kept where only their owner reads."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pointsman.contracts.access.nats_permissions import NATS_ROLES
from pointsman.contracts.access.redis_acl import REDIS_ROLES

PASSWORD_BYTES = 32
OWNER_ONLY = 0o600


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The password of every user.

    Attributes
    ----------
    nats, redis : mapping of role to password
    """

    nats: dict[str, str] = {}
    redis: dict[str, str] = {}

    def __repr__(self) -> str:
        """Return whose passwords there are, and none of them."""
        return f"Credentials(nats={sorted(self.nats)}, redis={sorted(self.redis)})"


def make_password() -> str:
    """Return a password that nobody can guess, of letters, digits, - and _, which no file or URL has to quote."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def completed(known: Credentials | None = None) -> Credentials:
    """Return credentials for every role: the known ones, and new ones for those who had none."""
    had = known or Credentials()
    return Credentials(nats=_each(NATS_ROLES, had.nats), redis=_each(REDIS_ROLES, had.redis))


def _each(roles: tuple[str, ...], known: Mapping[str, str]) -> dict[str, str]:
    return {role: known.get(role) or make_password() for role in roles}


def read_credentials(file: Path) -> Credentials | None:
    """Return what the file holds; None when there is none.

    Raises
    ------
    OSError, msgspec.MsgspecError
        When there is one that cannot be read.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None


def write_credentials(file: Path, credentials: Credentials) -> None:
    """Write the file; only its owner may read it."""
    write_private(file, msgspec.json.format(msgspec.json.encode(credentials), indent=2).decode() + "\n")


def write_private(file: Path, text: str, mode: int = OWNER_ONLY) -> None:
    """Replace a file in one step by one that nobody else could read at any moment."""
    fresh = file.with_name(file.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        os.fchmod(fd, mode)
        stream.write(text)
    fresh.replace(file)
