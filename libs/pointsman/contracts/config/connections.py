"""How to reach NATS and the store, and as whom: ``[nats]`` and ``[redis]``."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from pointsman.contracts.config.section import Section, has_userinfo, url_problem, without_userinfo


class NatsConfig(Section, frozen=True, kw_only=True):
    """``[nats]``.

    Attributes
    ----------
    url : str
        One or several, separated by commas; ``tls://`` for TLS.
    user : str, optional
        Whom to be, where the server asks.
    password : str, optional
        The user's password; better in the environment, or in a file.
    password_file : str, optional
        Where the password stands instead, as container secrets do.
    ca_file : str, optional
        For TLS: who may have signed the server's certificate, when not one of the system's authorities.
    cert_file : str, optional
        For TLS: a certificate of one's own to show.
    key_file : str, optional
        The key of that certificate.
    server : str, optional
        For ``pointsman up``: the nats-server program to use instead of the one from the wheel.
    decisions_max_age_days : float
        How long a decision is kept.
    decisions_max_bytes : int
        How much of the decision log is kept; the oldest go first.
    outcomes_max_bytes : int
        Size at which the outcome log is full. Outcomes are then refused (503), never dropped: learning needs all.
    feedback_max_age_days : float
        How long feedback, and what waits for it, is kept.
    feedback_max_bytes : int
        How much of that is kept; the oldest go first.
    events_max_age_days : float
        How long rewards, shadow results, alerts and dead letters are kept.
    events_max_bytes : int
        How much of each of those four is kept; the oldest go first.
    alarm_at : float
        Share of a log's room (0 to 1) from which on an alert is raised: before decisions are dropped early, and
        outcomes refused.
    replicas : int
        JetStream replicas; 3 in a cluster.
    """

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server: str | None = None
    decisions_max_age_days: float = 30.0
    decisions_max_bytes: int = 8 * 1024**3
    outcomes_max_bytes: int = 16 * 1024**3
    feedback_max_age_days: float = 30.0
    feedback_max_bytes: int = 512 * 1024**2
    events_max_age_days: float = 30.0
    events_max_bytes: int = 1024**3
    alarm_at: float = 0.8
    replicas: int = 1

    @property
    def urls(self) -> list[str]:
        """The servers, one by one."""
        return self.url.split(",")

    @property
    def tls(self) -> bool:
        """Whether only TLS will do."""
        return self.url.startswith("tls://")

    @property
    def public_url(self) -> str:
        """The address without user and password, as it may be shown."""
        return without_userinfo(self.url)


class RedisConfig(Section, frozen=True, kw_only=True):
    """``[redis]``.

    Attributes
    ----------
    url : str
        ``rediss://`` for TLS.
    user : str, optional
        Whom to be, where the store asks.
    password : str, optional
        The user's password, or without a user the default user's; better in the environment, or in a file.
    password_file : str, optional
        Where the password stands instead, as container secrets do.
    ca_file : str, optional
        For TLS: who may have signed the server's certificate, when not one of the system's authorities.
    cert_file : str, optional
        For TLS: a certificate of one's own to show.
    key_file : str, optional
        The key of that certificate.
    server : str, optional
        For ``pointsman up``: the redis-server or valkey-server program to use instead of the one from the wheel.
    timeout_ms : int
        Bound on one command.
    """

    url: str = "redis://127.0.0.1:6379/0"
    user: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server: str | None = None
    timeout_ms: int = 2000

    @property
    def tls(self) -> bool:
        """Whether only TLS will do."""
        return self.url.startswith("rediss://")

    @property
    def public_url(self) -> str:
        """The address without user and password, as it may be shown."""
        return without_userinfo(self.url)


Connection = TypeVar("Connection", NatsConfig, RedisConfig)


def with_password(connection: Connection, section: str, problems: list[str]) -> Connection:
    """Return the section with the password from its file, where it names one.

    Parameters
    ----------
    section : str
        Its name, for problems.
    problems : list of str
        Gets what is wrong with it.
    """
    if connection.password_file is None:
        return connection
    if connection.password is not None:
        problems.append(f"{section}.password_file: there is a {section}.password as well; which one is it?")
        return connection
    try:
        password = Path(connection.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{section}.password_file: {getattr(error, 'strerror', None) or 'not a text'}")
        return connection
    if not password:
        problems.append(f"{section}.password_file: the file is empty")
    return msgspec.structs.replace(connection, password=password)


def check_connections(nats: NatsConfig, redis: RedisConfig) -> list[str]:
    """Return what is wrong with the two sections' addresses and credentials, no secret repeated."""
    problems = []
    for url in nats.urls:
        wrong = url_problem(url, ("nats", "tls"))
        problems += [f"nats.url: {wrong}"] if wrong else []
    if len({url.partition("://")[0] for url in nats.urls}) > 1:
        problems.append("nats.url: nats:// and tls:// are mixed; either all servers have TLS or none")
    wrong = url_problem(redis.url, ("redis", "rediss"))
    problems += [f"redis.url: {wrong}"] if wrong else []
    problems += _check_login(nats, "nats", "tls") + _check_login(redis, "redis", "rediss")
    if nats.user is None and (nats.password is not None or nats.password_file is not None):
        problems.append("nats.user: a password needs a user")
    return problems


def _check_login(connection: NatsConfig | RedisConfig, section: str, scheme: str) -> list[str]:
    problems = []
    if has_userinfo(connection.url) and (connection.user or connection.password):
        problems.append(f"{section}.user: the url names a user as well; which one is it?")
    if connection.user is not None and not all("!" <= c <= "~" and c not in ".*>:@/%" for c in connection.user):
        problems.append(f"{section}.user: expected printable characters, none of . * > : @ / %")
    if connection.user is not None and connection.password is None and connection.password_file is None:
        problems.append(f"{section}.user: a user needs a password")
    files = {name: getattr(connection, name) for name in ("ca_file", "cert_file", "key_file")}
    for name, file in files.items():
        if file is None:
            continue
        if not connection.tls:
            problems.append(f"{section}.{name}: only with a url that begins with {scheme}://")
        if not Path(file).is_file():
            problems.append(f"{section}.{name}: there is no file {file}")
    if (connection.cert_file is None) != (connection.key_file is None):
        problems.append(f"{section}.cert_file: a certificate needs its key_file, and a key its cert_file")
    return problems
