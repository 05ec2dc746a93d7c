"""Credentials as files for containers: one folder per container, which contains only its own credentials.

::

    gateway/           nats.password, redis.password     likewise decision, reward-updater, shadow-evaluator, operator
    nats/              users.conf, observer.password, client.password, observer.url, client.url
    redis/             users.acl, health.password
"""

import contextlib
import os
from pathlib import Path

from pointsman.contracts.access.credentials import Credentials, completed, write_private
from pointsman.contracts.access.nats_permissions import NATS_ROLES, users_conf
from pointsman.contracts.access.redis_acl import REDIS_ROLES, acl_file

RUNNERS = ("gateway", "decision", "reward-updater", "shadow-evaluator", "operator")
"""Roles with a folder of their own."""

SERVERS = ("nats", "redis")
READ_BY_OWNER = 0o400
READ_BY_ALL = 0o444


def password_file(folder: Path, server: str, role: str) -> Path:
    """Return the password file of a user of NATS (``nats``) or of the store (``redis``)."""
    return folder / role / f"{server}.password" if role in RUNNERS else folder / server / f"{role}.password"


def make_folder(folder: Path, nats_address: str, *, owner: int | None = None, renew: bool = False) -> Credentials:
    """Create missing passwords, keep the others, and update the rules of the servers, or raise OSError.

    Parameters
    ----------
    nats_address : str
        ``host:port`` of NATS as seen by clients, for the two URLs.
    owner : int, optional
        User id of the services; they own their password files, and no other user can read them.
    renew : bool
        Replace all passwords.
    """
    credentials = completed(None if renew else _read(folder))
    for server, passwords in (("nats", credentials.nats), ("redis", credentials.redis)):
        (folder / server).mkdir(parents=True, exist_ok=True)
        for role, password in passwords.items():
            file = password_file(folder, server, role)
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, password + "\n", READ_BY_OWNER, owner if role in RUNNERS else None)
    for role in ("observer", "client", "reader"):
        url = f"nats://{role}:{credentials.nats[role]}@{nats_address}\n"
        _write(folder / "nats" / f"{role}.url", url, READ_BY_OWNER)
    _write(folder / "nats" / "users.conf", users_conf(credentials.nats), READ_BY_OWNER)
    # It contains hashes of long random passwords, so it may be readable by every user.
    _write(folder / "redis" / "users.acl", acl_file(credentials.redis), READ_BY_ALL)
    return credentials


def _read(folder: Path) -> Credentials:
    return Credentials(nats=_passwords(folder, "nats", NATS_ROLES), redis=_passwords(folder, "redis", REDIS_ROLES))


def _passwords(folder: Path, server: str, roles: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for role in roles:
        with contextlib.suppress(FileNotFoundError):
            found[role] = password_file(folder, server, role).read_text(encoding="utf-8").strip()
    return found


def _write(file: Path, text: str, mode: int, owner: int | None = None) -> None:
    write_private(file, text, mode)
    if owner is not None:
        os.chown(file, owner, owner)
