"""Blocking HTTP client for short commands and threads: one GET, nothing imported but the standard library."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from pointsman.runtime.http.errors import (
    BodyTooLarge,
    ConnectionLost,
    InvalidResponse,
    ResponseTimeout,
    ServerUnavailable,
    TlsRejected,
)
from pointsman.runtime.http.response import MAX_BODY_BYTES, CompleteResponse

_LOST = "the connection was lost before the response was complete"


def get(url: str, timeout_s: float, *, verify_tls: bool = True, max_bytes: int = MAX_BODY_BYTES) -> CompleteResponse:
    """Send a GET and return the response, whatever its status.

    Parameters
    ----------
    url : str
        ``http`` or ``https``.
    timeout_s : float
        Bound on connecting, and on each wait for more of the response.
    verify_tls : bool
        False accepts any certificate: for a process of one's own, by an address that no certificate names.
    max_bytes : int
        Bound on the body.

    Raises
    ------
    ValueError
        The URL has another scheme or no host.
    HttpError
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected http://host:port/path or https://…, got {url!r}")
    connection = (
        http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_s, context=None if verify_tls else _unverified()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    )
    try:
        try:
            connection.connect()
        except ssl.SSLError as error:
            raise TlsRejected("its certificate or its TLS is not accepted") from error
        except OSError as error:
            raise ServerUnavailable(f"no connection: {error.strerror or error}") from error
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        body = response.read(max_bytes + 1)
        if len(body) > max_bytes:
            raise BodyTooLarge(f"the response is longer than {max_bytes} bytes")
        if response.length:  # `read` with a bound does not raise when the connection ends early
            raise ConnectionLost(_LOST)
        return CompleteResponse(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    except TimeoutError as error:
        raise ResponseTimeout(f"no response within {timeout_s:g} s") from error
    except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
        raise ConnectionLost(_LOST) from error
    except http.client.HTTPException as error:
        raise InvalidResponse(f"its response is not HTTP ({type(error).__name__})") from error
    except OSError as error:
        raise ConnectionLost(error.strerror or type(error).__name__) from error
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
