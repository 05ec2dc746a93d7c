"""The NATS client with what `nats-py` leaves out: TLS that cannot be talked down, and refusals that are said."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client

from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.telemetry.logs import logger

log = logger("bus")

INBOX = "_INBOX"
_DENIED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)
_REFUSED = re.compile(r"authorization|permissions violation|authentication", re.IGNORECASE)


class NoTls(nats.errors.Error):
    """The server offers no TLS, and only TLS will do."""

    def __init__(self) -> None:
        super().__init__("nats: the url says tls://, and the server offers no TLS")


class GuardedClient(Client):
    """Sends nothing, the password least of all, to a server without TLS where the url says ``tls://``.

    `nats-py` uses TLS if the server says so; whoever sits in between can say otherwise.

    Parameters
    ----------
    tls : bool
    """

    def __init__(self, tls: bool) -> None:
        super().__init__()
        self._only_tls = tls

    def _connect_command(self) -> bytes:
        if self._only_tls and not self._server_info.get("tls_required"):
            raise NoTls
        command: bytes = super()._connect_command()
        return command

    async def publish_many(self, subject: str, messages: Sequence[bytes]) -> None:
        """Publish messages without headers and replies, in order, as one piece: far cheaper than one by one.

        Raises
        ------
        nats.errors.Error
            When there is no connection, or a message is too large; nothing is sent then.
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


def inbox_prefix(config: NatsConfig) -> str:
    """Return what the subjects of answers begin with: each user has its own, so that none can read another's."""
    user = config.user or unquote(urlsplit(config.urls[0]).username or "")
    return f"{INBOX}_{user}" if user else INBOX


def login_options(config: NatsConfig) -> dict[str, Any]:
    """Return the client's options that say who it is, and whom it trusts."""
    options: dict[str, Any] = {"inbox_prefix": inbox_prefix(config)}
    if config.user is not None:
        options |= {"user": config.user, "password": config.password}
    if config.tls:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None:
            context.load_cert_chain(config.cert_file, config.key_file)
        options["tls"] = context
    return options


class ErrorListener:
    """Hears what goes wrong on a connection; says once what NATS does not let it do, and fails what waits for it.

    Parameters
    ----------
    on_denied : callable
        Gets the subject, in lower case, that must not be published to.
    """

    def __init__(self, on_denied: Callable[[str, str], None]) -> None:
        self._on_denied = on_denied
        self._said: set[str] = set()

    async def hear(self, error: Exception) -> None:
        """Take an error from the client."""
        text = str(error) or type(error).__name__
        if isinstance(error, NoTls | ssl.SSLError) or _REFUSED.search(text):
            if text not in self._said:
                self._said.add(text)
                log.error("NATS refuses: %s", text)
            denied = _DENIED.search(text)
            if denied is not None:
                self._on_denied(denied[1], text)
        else:
            log.debug("NATS: %s", text)

    def connected(self) -> None:
        """Say the same things again if they happen on a new connection."""
        self._said.clear()
