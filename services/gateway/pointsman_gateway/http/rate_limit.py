"""Token buckets: so many requests a second, and as many at once."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

MAX_CLIENTS = 4096
"""Client addresses that are remembered; the one not seen for longest is forgotten, and begins anew."""


class TokenBucket:
    """Lets ``rate_per_s`` requests a second through, and as many (but one at least) at once.

    Parameters
    ----------
    rate_per_s : float
    now_s : float
        Monotonic clock.
    """

    __slots__ = ("_at_s", "_size", "_tokens", "rate_per_s")

    def __init__(self, rate_per_s: float, now_s: float) -> None:
        self.rate_per_s = rate_per_s
        self._size = max(1.0, rate_per_s)
        self._tokens = self._size
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """Let one request through and return 0; or return after how many seconds to try again."""
        self._tokens = min(self._size, self._tokens + (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate_per_s


class RateLimits:
    """A bucket for each of those that have a limit: keys, or client addresses. In this process only."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, who: str, rate_per_s: float, now_s: float) -> float:
        """Let one request through and return 0; or return after how many seconds to try again."""
        bucket = self._buckets.get(who)
        if bucket is None or bucket.rate_per_s != rate_per_s:
            bucket = self._buckets[who] = TokenBucket(rate_per_s, now_s)
            if len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        return bucket.take(now_s)


def client_network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that a host has of IPv6 addresses."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
