"""Circuit breaker: while a dependency does not respond, one request at a time waits for it instead of all."""

PAUSE_S = 0.25


class Breaker:
    """Decide whether to send a request to a dependency that may not respond.

    Closed, it admits every request. It opens at a failure if no request has succeeded since that one was sent: one
    lost response among many good ones leaves it closed. Open, it admits nothing for a pause, then one probe at a time:
    a probe that succeeds closes it, one that fails begins the next pause.

    ``pause_s``: time during which nothing is admitted.
    ``failures``: number of such failures, without a success between them, that opens it.
    """

    def __init__(self, pause_s: float = PAUSE_S, failures: int = 1) -> None:
        self._pause_s = pause_s
        self._max_failures = failures
        self._failures = 0
        self._open = False
        self._retry_at_s = 0.0
        self._probe_until_s = 0.0
        self._succeeded_at_s = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether it has opened, and no request has succeeded since."""
        return self._open

    def would_admit(self, now_s: float) -> bool:
        """Return whether a request sent now would be admitted, without a change of state."""
        return not self._open or (now_s >= self._retry_at_s and now_s >= self._probe_until_s)

    def admits(self, now_s: float, timeout_s: float) -> bool:
        """Return whether to send a request now.

        ``now_s``: monotonic clock.
        ``timeout_s``: timeout of the request; a probe whose end is never reported blocks others no longer than this.
        """
        if not self._open:
            return True
        if not self.would_admit(now_s):
            return False
        self._probe_until_s = now_s + timeout_s
        return True

    def succeeded(self, now_s: float) -> None:
        """Record a response in time."""
        self._open = False
        self._failures = 0
        self._succeeded_at_s = now_s

    def failed(self, sent_at_s: float, now_s: float) -> None:
        """Record that a request sent at ``sent_at_s`` had no useful response."""
        if self._succeeded_at_s >= sent_at_s:
            return
        self._failures += 1
        if not self._open and self._failures < self._max_failures:
            return
        self._open = True
        self._retry_at_s = now_s + self._pause_s
        self._probe_until_s = 0.0

    def abandoned(self) -> None:
        """Record that a request ended without a result, so that the next one may be the probe."""
        self._probe_until_s = 0.0
