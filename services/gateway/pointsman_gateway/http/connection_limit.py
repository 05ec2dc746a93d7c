"""Bound on the connections of clients, so that file descriptors are left for providers, NATS and the store."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.runtime.descriptors import descriptor_limit
from pointsman_gateway.http.problems import gateway_limit, problem
from pointsman_gateway.http.response import HttpResponse

PROBES = frozenset({b"/healthz", b"/readyz", b"/metrics"})
"""Paths that are answered over the limit too: a full gateway is alive, and its metrics show why it refuses."""
_OWN_DESCRIPTORS = 64
"""For NATS, the store, files, threads and the event loop."""
_SHARE_OF_CLIENTS = 0.4
_SHARE_OF_REFUSED = 0.1


class ConnectionLimit(NamedTuple):
    """Most connections of clients.

    Attributes
    ----------
    served: Requests on further connections are refused.
    open: Further connections are closed at once.
    """

    served: int
    open: int


def connection_limit(configured: int) -> ConnectionLimit:
    """Return the limit: the configured one, or less where the process may not have as many file descriptors.

    A request needs up to two, for its client and for the provider.
    """
    available = max(0, descriptor_limit() - _OWN_DESCRIPTORS)
    served = max(1, min(configured, int(_SHARE_OF_CLIENTS * available)))
    return ConnectionLimit(served, served + max(1, int(_SHARE_OF_REFUSED * available)))


def overloaded() -> HttpResponse:
    """Return and count the refusal of a request on a connection over the limit; it ends the connection."""
    refused = gateway_limit("connections", "too many connections (gateway.max_connections)")
    return problem(refused.status, refused.detail, headers=(*refused.headers, ("connection", "close")))
