"""Rate-limited warning about a lasting failure."""

import logging
import time
from collections.abc import Callable

LOG_REPEAT_INTERVAL_S = 60.0
"""Interval at which the same text is logged while the failure lasts."""
RECOVERY_DELAY_S = 5.0
"""Time without a failure after which the work counts as recovered: a retry may succeed in part and then fail."""
MAX_TEXTS = 16
"""Number of distinct texts that are remembered."""


class RateLimitedWarning:
    """Log a lasting failure when it begins, when its text changes, once a minute, and when it ends.

    ``subject``: the work that fails, such as ``tier SIMPLE``; the first part of each line.
    ``reaction``: what the process does until the work succeeds; the last part of each line.
    ``clock``: monotonic clock, in seconds.
    """

    def __init__(
        self, log: logging.Logger, subject: str, reaction: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._subject = subject
        self._reaction = reaction
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._since_s = self._last_s = 0.0

    def failed(self, text: str) -> None:
        """Record a failure, and log it unless the same text was logged within `LOG_REPEAT_INTERVAL_S`."""
        now_s = self._last_s = self._clock()
        if not self._logged_at:
            self._since_s = now_s
        if now_s - self._logged_at.get(text, float("-inf")) < LOG_REPEAT_INTERVAL_S:
            return
        self._logged_at.pop(text, None)
        if len(self._logged_at) >= MAX_TEXTS:
            del self._logged_at[next(iter(self._logged_at))]
        self._logged_at[text] = now_s
        self._log.warning("%s: %s; %s", self._subject, text, self._reaction)

    def recovered(self) -> None:
        """Record a success; log the recovery after `RECOVERY_DELAY_S` without a failure. Call it at each success."""
        if self._logged_at and self._clock() - self._last_s >= RECOVERY_DELAY_S:
            self._logged_at.clear()
            self._log.info("%s: recovered after %.1f s of failures", self._subject, self._last_s - self._since_s)
