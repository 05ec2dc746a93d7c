"""Errors of the HTTP clients. Each text is a phrase that follows the name of a server: "openai: no connection …".

::

    HttpError (Exception)
    ├── ServerUnavailable     no connection: refused, not routed, too slow, or the name does not resolve
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
