"""Errors of a connection that have their cause in this process or machine, and not in the server."""

from __future__ import annotations

import errno
import socket

from pointsman.runtime.http.errors import LimitReached, NetworkUnavailable

_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN})
"""No file descriptor, buffer, memory or local port."""
_NO_NETWORK = frozenset({errno.ENETUNREACH, errno.ENETDOWN})
_NO_NAME_SERVICE = frozenset({socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY})
"""The name service did not answer. A name that does not exist is `socket.EAI_NONAME`, an error of the configuration."""


def local_error(error: BaseException) -> LimitReached | NetworkUnavailable | None:
    """Return the error for an exception whose cause is local; None for every other exception."""
    if not isinstance(error, OSError):
        return None
    if isinstance(error, socket.gaierror):
        return NetworkUnavailable("the name service does not answer") if error.errno in _NO_NAME_SERVICE else None
    if error.errno in _LIMITS:
        return LimitReached("system", f"no connection: {error.strerror}")
    if error.errno in _NO_NETWORK:
        return NetworkUnavailable(f"no connection: {error.strerror}")
    return None
