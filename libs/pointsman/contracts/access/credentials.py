"""Random passwords of the users of NATS and of the store, in a file that only its owner can read."""

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from pointsman.contracts.access.nats_permissions import NATS_ROLES
from pointsman.contracts.access.redis_acl import REDIS_ROLES

PASSWORD_BYTES = 32
OWNER_ONLY = 0o600


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Passwords of all users, by role."""

    nats: dict[str, str] = {}
    redis: dict[str, str] = {}

    def __repr__(self) -> str:
        """Return the names of the users, without passwords."""
        return f"Credentials(nats={sorted(self.nats)}, redis={sorted(self.redis)})"


def make_password() -> str:
    """Return a random password of letters, digits, - and _, which need no quoting in files and URLs."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def completed(known: Credentials | None = None) -> Credentials:
    """Return credentials of every role: the known ones, and new ones for the other roles."""
    had = known or Credentials()
    return Credentials(
        nats={role: had.nats.get(role) or make_password() for role in NATS_ROLES},
        redis={role: had.redis.get(role) or make_password() for role in REDIS_ROLES},
    )


def read_credentials(file: Path) -> Credentials | None:
    """Return the credentials in the file; None if it does not exist.

    Raises
    ------
    OSError, msgspec.MsgspecError
        When the file exists and cannot be read.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None


def write_credentials(file: Path, credentials: Credentials) -> None:
    """Write the file, readable by its owner only."""
    write_private(file, msgspec.json.format(msgspec.json.encode(credentials), indent=2).decode() + "\n")


def write_private(file: Path, text: str, mode: int = OWNER_ONLY) -> None:
    """Replace a file atomically; no other user can read it at any time."""
    fresh = file.with_name(file.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        os.fchmod(fd, mode)
        stream.write(text)
    fresh.replace(file)
