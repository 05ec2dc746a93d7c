"""Whether a provider is asked: after failures in a row it is left alone for a while, then tried by one request."""

from __future__ import annotations

from time import monotonic

from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.errors import ProviderError
from pointsman.runtime.breaker import Breaker

_NOT_OVERLOADED = 500
_FAILURES = frozenset({"connect", "timeout", "protocol"})


class Health:
    """The health of one provider, as its requests tell it.

    A failure is no connection, no answer in time, an answer that cannot be read, and 5xx. A provider that refuses (4xx,
    429 among them) is well: it was quick to say so, and says it of one model or one key only.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        config = settings.config
        self._breaker = Breaker(config.breaker_pause_ms / 1000.0, config.breaker_failures)

    @property
    def well(self) -> bool:
        """Whether a request sent now would be let through."""
        return self._breaker.would_admit(monotonic())

    def admits(self, now_s: float, patience_s: float) -> bool:
        """Tell whether to send a request now (see `Breaker.admits`)."""
        return self._breaker.admits(now_s, patience_s)

    def answered(self) -> None:
        """Note a good answer."""
        self._breaker.succeeded(monotonic())

    def refused(self, error: ProviderError, sent_at_s: float) -> None:
        """Note what an attempt ended with."""
        if error.kind in _FAILURES or (error.status or 0) >= _NOT_OVERLOADED:
            self._breaker.failed(sent_at_s, monotonic())
        else:
            self._breaker.succeeded(monotonic())

    def abandoned(self) -> None:
        """Note that the client left before there was an answer."""
        self._breaker.abandoned()
