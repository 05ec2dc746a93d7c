"""A circuit breaker: what hangs is waited for by one request at a time, not by all."""

from __future__ import annotations

PAUSE_S = 0.25


class Breaker:
    """Decides whether to ask a dependency that may be hung.

    Closed, it lets everything through. It opens at a failure after which nothing has succeeded since the failed
    request was sent; that one lost answer among many good ones leaves it closed. Open, it lets nothing through for
    a pause, then one probe at a time: a probe that succeeds closes it, one that fails begins the next pause.

    Parameters
    ----------
    pause_s : float
        How long nothing is let through.
    failures : int
        How many such failures, with no success between them, it takes to open.
    """

    def __init__(self, pause_s: float = PAUSE_S, failures: int = 1) -> None:
        self._pause_s = pause_s
        self._enough = failures
        self._failures = 0
        self._open = False
        self._retry_at_s = 0.0
        self._probe_until_s = 0.0
        self._succeeded_at_s = float("-inf")

    def would_admit(self, now_s: float) -> bool:
        """Tell whether a request sent now would be let through; nothing changes."""
        return not self._open or (now_s >= self._retry_at_s and now_s >= self._probe_until_s)

    def admits(self, now_s: float, patience_s: float) -> bool:
        """Tell whether to send a request now.

        Parameters
        ----------
        now_s : float
            Monotonic clock.
        patience_s : float
            How long the request will be waited for; a probe that was never heard of again blocks no longer than this.
        """
        if not self._open:
            return True
        if not self.would_admit(now_s):
            return False
        self._probe_until_s = now_s + patience_s
        return True

    def succeeded(self, now_s: float) -> None:
        """Note an answer in time."""
        self._open = False
        self._failures = 0
        self._succeeded_at_s = now_s

    def failed(self, sent_at_s: float, now_s: float) -> None:
        """Note that a request sent at ``sent_at_s`` had no useful answer."""
        if self._succeeded_at_s >= sent_at_s:
            return
        self._failures += 1
        if not self._open and self._failures < self._enough:
            return
        self._open = True
        self._retry_at_s = now_s + self._pause_s
        self._probe_until_s = 0.0

    def abandoned(self) -> None:
        """Note that a request ended without telling anything, so that the next one may be the probe."""
        self._probe_until_s = 0.0
