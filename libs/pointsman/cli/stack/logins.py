"""Credentials of an embedded stack, and the login that each process gets."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.stack.errors import StartFailed
from pointsman.cli.stack.lock import lock_holder
from pointsman.contracts.access.credentials import (
    Credentials,
    completed,
    read_credentials,
    write_credentials,
    write_private,
)
from pointsman.contracts.access.roles import Role
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.runtime.peer import can_identify

CREDENTIALS_FILE = "credentials.json"
OBSERVER_FILE = "observer.url"
READER_FILE = "reader.url"
_SECTIONS = ("NATS", "REDIS")
_LOGIN = ("USER", "PASSWORD", "PASSWORD_FILE", "CA_FILE", "CERT_FILE", "KEY_FILE", "SUPERVISOR_PID")


def ensure_credentials(data_dir: Path) -> Credentials:
    """Return the credentials of a data directory; create those that are missing.

    Raise `StartFailed` if the file exists and cannot be used.
    """
    file = data_dir / CREDENTIALS_FILE
    known = _read(file)
    whole = completed(known)
    if whole != known:
        write_credentials(file, whole)
    return whole


def operator_logins(data_dir: Path, nats_url: str, redis_url: str) -> tuple[NatsConfig, RedisConfig]:
    """Return the address and login with which the command line connects to the stack on a data directory.

    Raise `StartFailed` if the credentials cannot be read.
    """
    known = _read(data_dir / CREDENTIALS_FILE) or Credentials()
    nats, redis = known.nats.get("operator"), known.redis.get("operator")
    supervisor = lock_holder(data_dir) if can_identify() else None
    return (
        NatsConfig(url=nats_url, user="operator" if nats else None, password=nats, supervisor_pid=supervisor),
        RedisConfig(url=redis_url, user="operator" if redis else None, password=redis, supervisor_pid=supervisor),
    )


def service_environment(
    service: str, credentials: Credentials, nats_url: str, redis_url: str, supervisor: int | None = None
) -> dict[str, str]:
    """Return the environment variables with the addresses of NATS and the store and the login of one service.

    The empty values override settings of the configuration for external servers. The service sends its login only to
    child processes of ``supervisor``, unless that is None.
    """
    role: Role = service.replace("_", "-")  # type: ignore[assignment]
    texts = [key for key in _LOGIN if key not in ("PASSWORD_FILE", "SUPERVISOR_PID")]
    environ = {f"POINTSMAN_{section}_{key}": "" for section in _SECTIONS for key in texts}
    if supervisor is not None:
        environ |= {f"POINTSMAN_{section}_SUPERVISOR_PID": str(supervisor) for section in _SECTIONS}
    return environ | {
        "POINTSMAN_NATS_URL": nats_url,
        "POINTSMAN_NATS_USER": role,
        "POINTSMAN_NATS_PASSWORD": credentials.nats[role],
        "POINTSMAN_REDIS_URL": redis_url,
        "POINTSMAN_REDIS_USER": role,
        "POINTSMAN_REDIS_PASSWORD": credentials.redis[role],
    }


def without_logins(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without logins to external servers."""
    dropped = {f"POINTSMAN_{section}_{key}" for section in _SECTIONS for key in _LOGIN}
    return {name: value for name, value in environ.items() if name not in dropped}


def write_urls(data_dir: Path, credentials: Credentials, nats_url: str) -> None:
    """Write the URLs of NATS with users that only subscribe or read logs; only the owner can read the files."""
    users: dict[str, Role] = {OBSERVER_FILE: "observer", READER_FILE: "reader"}
    for file, user in users.items():
        write_private(data_dir / file, f"nats://{user}:{credentials.nats[user]}@{urlsplit(nats_url).netloc}\n")


def _read(file: Path) -> Credentials | None:
    try:
        return read_credentials(file)
    except (OSError, msgspec.MsgspecError) as error:
        raise StartFailed(f"{file} cannot be used: {getattr(error, 'strerror', None) or error}") from error
