"""Circuit breaker of a provider: after several failures in a row it is not called for a while, then probed once."""

from __future__ import annotations

from time import monotonic

from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.runtime.breaker import Breaker

_SERVER_ERROR = 500
_FAILURES = frozenset({"connect", "timeout", "protocol"})


class ProviderHealth:
    """Health of one provider, derived from its requests.

    Failures are: no connection, no answer in time, an unreadable answer, and 5xx. A provider that responds with 4xx,
    429 included, is healthy: it responded fast, and the error concerns one model or one key only.
    """

    def __init__(self, settings: ProviderSettings) -> None:
        config = settings.config
        self._breaker = Breaker(config.breaker_pause_ms / 1000.0, config.breaker_failures)

    @property
    def healthy(self) -> bool:
        """Whether a request would be admitted now."""
        return self._breaker.would_admit(monotonic())

    def admits(self, now_s: float, timeout_s: float) -> bool:
        """Return whether to send a request now (see `Breaker.admits`)."""
        return self._breaker.admits(now_s, timeout_s)

    def succeeded(self) -> None:
        """Record a successful call."""
        self._breaker.succeeded(monotonic())

    def failed(self, error: ProviderError, sent_at_s: float) -> None:
        """Record the failure of a call."""
        if error.kind in _FAILURES or (error.status or 0) >= _SERVER_ERROR:
            self._breaker.failed(sent_at_s, monotonic())
        else:
            self._breaker.succeeded(monotonic())

    def abandoned(self) -> None:
        """Record that the client disconnected before there was an answer."""
        self._breaker.abandoned()
