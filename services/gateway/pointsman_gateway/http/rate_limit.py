"""Rate limits with token buckets."""

import ipaddress
from collections import OrderedDict

MAX_CLIENTS = 4096
"""Most callers that are tracked; the least recently seen one is dropped and starts with a full bucket again."""


class TokenBucket:
    """Admits ``rate_per_s`` requests per second, and bursts of as many (at least one)."""

    __slots__ = ("_at_s", "_size", "_tokens", "rate_per_s")

    def __init__(self, rate_per_s: float, now_s: float) -> None:
        self.rate_per_s = rate_per_s
        self._size = max(1.0, rate_per_s)
        self._tokens = self._size
        self._at_s = now_s

    def acquire(self, now_s: float) -> float:
        """Admit one request and return 0, or return the seconds to wait before the next try."""
        self._tokens = min(self._size, self._tokens + (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate_per_s


class RateLimits:
    """One bucket for each API key or client address; in this process only."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def acquire(self, caller: str, rate_per_s: float, now_s: float) -> float:
        """Admit one request and return 0, or return the seconds to wait before the next try."""
        bucket = self._buckets.get(caller)
        if bucket is None or bucket.rate_per_s != rate_per_s:
            bucket = self._buckets[caller] = TokenBucket(rate_per_s, now_s)
            if len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        return bucket.acquire(now_s)


def client_network(address: str) -> str:
    """Return the network that counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
