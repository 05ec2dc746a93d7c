"""NATS client options: require TLS, surface authentication errors, publish in bulk."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client, Srv
from nats.aio.transport import TcpTransport

from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.peer import WrongPeer, check_peer
from pointsman.runtime.telemetry.logs import logger

log = logger("bus")

INBOX = "_INBOX"
_SUBJECT_TOKEN = re.compile(r"[^\s.*>]+")
_DENIED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)
_REFUSED = re.compile(r"authorization|permissions violation|authentication", re.IGNORECASE)


class TlsRequired(nats.errors.Error):
    """The URL requires TLS, and the server does not offer it."""

    def __init__(self) -> None:
        super().__init__("nats: the URL begins with tls://, and the server offers no TLS")


class GuardedClient(Client):
    """A client that sends nothing, in particular no password, to a server that it does not trust.

    Where the URL begins with ``tls://``, that is a server without TLS: `nats-py` uses TLS when the server announces it,
    so a man in the middle could turn it off. With a ``supervisor_pid``, it is a program that the supervisor did not
    start.
    """

    def __init__(self, config: NatsConfig) -> None:
        super().__init__()
        self._requires_tls = config.tls
        self._supervisor = config.supervisor_pid
        self._first_login = _login_of(config.urls[0])

    async def _connect_to_server(self, s: Srv) -> None:
        await super()._connect_to_server(s)
        if isinstance(self._transport, TcpTransport) and self._transport._bare_io_writer is not None:
            await check_peer(self._transport._bare_io_writer, self._supervisor)

    def _connect_command(self) -> bytes:
        if self._requires_tls and not self._server_info.get("tls_required"):
            raise TlsRequired
        command: bytes = super()._connect_command()
        return command

    def url_login(self) -> _Login:
        """Return the login of the current server's URL; that of the first URL for a server that NATS has announced."""
        server = self._current_server
        own = _login_of(server.uri.geturl()) if server is not None else None
        return own if own is not None and own.user is not None else self._first_login

    async def publish_many(self, subject: str, messages: Sequence[bytes]) -> None:
        """Publish messages without headers and reply subjects, in order, in one write: far cheaper than one by one.

        Raise `nats.errors.Error` when there is no connection, or a message is too large; nothing is sent then.
        """
        if not self.is_connected:
            raise nats.errors.ConnectionClosedError
        if any(len(message) > self._max_payload for message in messages):
            raise nats.errors.MaxPayloadError
        if not messages:
            return
        name = subject.encode()
        self.stats["out_msgs"] += len(messages)
        self.stats["out_bytes"] += sum(map(len, messages))
        await self._send_command(b"".join([b"PUB %b %d\r\n%b\r\n" % (name, len(m), m) for m in messages]))
        await self._flush_pending()


class _Login(NamedTuple):
    """User and password of a URL, decoded: a URL writes ``@`` in a password as ``%40``. A user alone is a token."""

    user: str | None
    password: str | None


def _login_of(url: str) -> _Login:
    parts = urlsplit(url)
    user = None if parts.username is None else unquote(parts.username)
    return _Login(user, None if parts.password is None else unquote(parts.password))


def inbox_prefix(config: NatsConfig) -> str:
    """Return the prefix of the subjects of responses: one per user, so that no user can read another's responses."""
    user = config.user or _login_of(config.urls[0]).user or ""
    return f"{INBOX}_{user}" if _SUBJECT_TOKEN.fullmatch(user) else INBOX


def login_options(config: NatsConfig, client: GuardedClient) -> dict[str, Any]:
    """Return the options of a client for credentials and certificates."""
    options: dict[str, Any] = {"inbox_prefix": inbox_prefix(config)}
    login = _login_of(config.urls[0])
    if config.user is not None:
        options |= {"user": config.user, "password": config.password}
    elif login.password is not None:  # nats-py itself sends what a URL has without decoding it
        options |= {"user": lambda: client.url_login().user, "password": lambda: client.url_login().password}
    elif login.user is not None:
        options["token"] = lambda: client.url_login().user
    if config.tls:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None:
            context.load_cert_chain(config.cert_file, config.key_file)
        options["tls"] = context
    return options


class ErrorListener:
    """Handle the errors of a connection: log each refusal once, and fail the requests that NATS denies.

    ``on_denied`` is called with the subject, in lower case, to which this user must not publish, and the error's text.
    """

    def __init__(self, on_denied: Callable[[str, str], None]) -> None:
        self._on_denied = on_denied
        self._logged: set[str] = set()

    async def on_error(self, error: Exception) -> None:
        """Handle an error of the client."""
        text = str(error) or type(error).__name__
        if isinstance(error, TlsRequired | WrongPeer | ssl.SSLError) or _REFUSED.search(text):
            if text not in self._logged:
                self._logged.add(text)
                log.error("NATS %s: %s", "is not trusted" if isinstance(error, WrongPeer) else "refuses", text)
            denied = _DENIED.search(text)
            if denied is not None:
                self._on_denied(denied[1], text)
        else:
            log.debug("NATS: %s", text)

    def reset(self) -> None:
        """Log the same refusals again if they happen on a new connection."""
        self._logged.clear()
