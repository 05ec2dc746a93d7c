"""Errors of the HTTP clients. Each text is a phrase that follows the name of a server: "openai: no connection …".

::

    HttpError (Exception)
    ├── ServerUnavailable     no connection: refused, not routed, too slow, or the name does not resolve
    │   └── NetworkUnavailable    no connection because this machine has no network or no name service
    ├── LimitReached          a limit of this process or machine; the server has no part in it
    ├── TlsRejected           the certificate or the TLS handshake is not accepted
    ├── ConnectionLost        the connection broke before the response was complete
    ├── ResponseTimeout       the response was not complete in time
    └── InvalidResponse       the response is not HTTP
        └── BodyTooLarge      the response is longer than the caller allows
"""

from __future__ import annotations


class HttpError(Exception):
    """Base of every error raised by :mod:`pointsman.runtime.http`.

    Attributes
    ----------
    retryable: Whether the same request may succeed a moment later.
    """

    retryable = True


class ServerUnavailable(HttpError):
    """No connection to the server; nothing was sent."""


class NetworkUnavailable(ServerUnavailable):
    """No connection because this machine has no network or no name service; nothing was sent."""

    retryable = False


class LimitReached(HttpError):
    """A limit of this process or machine was reached; nothing was sent.

    Attributes
    ----------
    limit: ``connections`` (all of the client's are in use) or ``system`` (no file descriptor, port or buffer).
    """

    retryable = False

    def __init__(self, limit: str, text: str) -> None:
        super().__init__(text)
        self.limit = limit


class TlsRejected(HttpError):
    """The server's certificate or the TLS handshake is not accepted; nothing was sent."""

    retryable = False


class ConnectionLost(HttpError):
    """The connection broke before the response was complete; the request may have had its effect."""


class ResponseTimeout(HttpError):
    """The response was not complete in time; the request may have had its effect."""


class InvalidResponse(HttpError):
    """The response is not HTTP."""

    retryable = False


class BodyTooLarge(InvalidResponse):
    """The body of the response is longer than the caller allows."""
