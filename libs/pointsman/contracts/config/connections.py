"""Connections to NATS and to the store: ``[nats]`` and ``[redis]``."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from pointsman.contracts.config.section import Section, has_userinfo, url_problem, without_userinfo
from pointsman.core.bounds import Positive, PositiveInt, PositiveShare
from pointsman.core.violations import Violation


class _Connection(Section, frozen=True, kw_only=True):
    """Settings and checks that both connections share.

    Attributes
    ----------
    user: User name, if the server requires authentication.
    password: Password of the user; prefer the environment or ``password_file``.
    password_file: File that contains the password, for example a container secret.
    ca_file: TLS: certificates of the authorities to trust, instead of those of the system.
    cert_file: TLS: client certificate.
    key_file: TLS: private key of the client certificate.
    supervisor_pid: Set by ``pointsman up``, where the system shows who accepted a connection (Linux): a login is sent
        only to a child process of this process.
    """

    schemes: ClassVar[tuple[str, str]]
    """Scheme of URLs without and with TLS."""

    url: str
    user: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server: str | None = None
    supervisor_pid: PositiveInt | None = None

    @property
    def urls(self) -> list[str]:
        """The URLs of the servers."""
        return self.url.split(",")

    @property
    def tls(self) -> bool:
        """Whether the connection uses TLS."""
        return self.url.startswith(f"{self.schemes[1]}://")

    @property
    def public_url(self) -> str:
        """The URL without user and password, for display."""
        return without_userinfo(self.url)

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section, without secrets."""
        for url in self.urls:
            if wrong := url_problem(url, self.schemes):
                yield Violation("url", wrong)
        if has_userinfo(self.url) and (self.user or self.password):
            yield Violation("user", "set either user and password or a url that contains them, not both")
        if self.user is not None and not all("!" <= c <= "~" and c not in ".*>:@/%" for c in self.user):
            yield Violation("user", "expected printable ASCII characters without . * > : @ / %")
        if self.user is not None and self.password is None and self.password_file is None:
            yield Violation("user", "requires a password or password_file")
        for name in ("ca_file", "cert_file", "key_file"):
            file = getattr(self, name)
            if file is None:
                continue
            if not self.tls:
                yield Violation(name, f"requires a url that begins with {self.schemes[1]}://")
            if not Path(file).is_file():
                yield Violation(name, f"file not found: {file}")
        if (self.cert_file is None) != (self.key_file is None):
            yield Violation("cert_file", "cert_file and key_file require each other")


class NatsConfig(_Connection, frozen=True, kw_only=True):
    """``[nats]``.

    Attributes
    ----------
    url: One URL, or several separated by commas; ``tls://`` for TLS.
    server: ``pointsman up``: path of a nats-server to run instead of the bundled one.
    decisions_max_age_days: How long decisions are kept.
    decisions_max_bytes: Largest size of the decision log; the oldest decisions are deleted first.
    outcomes_max_bytes: Largest size of the outcome log. When it is full, outcomes are refused (503) and never deleted,
        because learning needs all of them.
    feedback_max_age_days: How long feedback and pending outcomes are kept.
    feedback_max_bytes: Largest size of the feedback log; the oldest messages are deleted first.
    events_max_age_days: How long rewards, shadow results, alerts and dead letters are kept.
    events_max_bytes: Largest size of each of these four streams; the oldest messages are deleted first.
    alarm_at: Used share of a log's size (0 to 1) from which an alert is raised, before decisions are deleted early and
        outcomes refused.
    replicas: JetStream replicas; 3 in a cluster. Existing streams are given as many; the number is never lowered.
    """

    schemes: ClassVar[tuple[str, str]] = ("nats", "tls")

    url: str = "nats://127.0.0.1:4222"
    decisions_max_age_days: Positive = 30.0
    decisions_max_bytes: PositiveInt = 8 * 1024**3
    outcomes_max_bytes: PositiveInt = 16 * 1024**3
    feedback_max_age_days: Positive = 30.0
    feedback_max_bytes: PositiveInt = 512 * 1024**2
    events_max_age_days: Positive = 30.0
    events_max_bytes: PositiveInt = 1024**3
    alarm_at: PositiveShare = 0.8
    replicas: PositiveInt = 1

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section, without secrets."""
        yield from super().problems()
        if len({url.partition("://")[0] for url in self.urls}) > 1:
            yield Violation("url", "nats:// and tls:// are mixed; use TLS for all servers or for none")
        if self.user is None and (self.password is not None or self.password_file is not None):
            yield Violation("user", "required together with a password")


class RedisConfig(_Connection, frozen=True, kw_only=True):
    """``[redis]``.

    Attributes
    ----------
    url: URL of the store; ``rediss://`` for TLS.
    password: Password of the user, or of the default user; prefer the environment or ``password_file``.
    server: ``pointsman up``: path of a redis-server or valkey-server to run instead of the bundled one.
    timeout_ms: Longest duration of one command.
    """

    schemes: ClassVar[tuple[str, str]] = ("redis", "rediss")

    url: str = "redis://127.0.0.1:6379/0"
    timeout_ms: PositiveInt = 2000

    @property
    def urls(self) -> list[str]:
        """The URL of the store."""
        return [self.url]


Connection = TypeVar("Connection", NatsConfig, RedisConfig)


def with_password(connection: Connection, section: str, problems: list[str]) -> Connection:
    """Return the section with the password from ``password_file``, if set.

    Parameters
    ----------
    section : str
        Name of the section.
    problems : list of str
        The problems are appended to it.
    """
    if connection.password_file is None:
        return connection
    if connection.password is not None:
        problems.append(f"{section}.password_file: set either {section}.password or {section}.password_file, not both")
        return connection
    try:
        password = Path(connection.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{section}.password_file: {getattr(error, 'strerror', None) or 'not a text file'}")
        return connection
    if not password:
        problems.append(f"{section}.password_file: the file is empty")
    return msgspec.structs.replace(connection, password=password)
