"""Exponential backoff: delays that double with each attempt."""

RESTART_FIRST_DELAY_S = 0.2
RESTART_MAX_DELAY_S = 5.0
STABLE_AFTER_S = 10.0


def backoff_s(attempt: int, first_s: float, max_s: float) -> float:
    """Return the delay before an attempt in seconds: ``first_s`` before attempt 1, doubled for each one after it."""
    return min(max_s, first_s * 2.0 ** min(attempt - 1, 64))


class RestartBackoff:
    """Delays between the restarts of a program; they begin at the first one again after a stable run of 10 s."""

    def __init__(self) -> None:
        self._attempt = 0

    def after(self, alive_s: float) -> float:
        """Return the delay in seconds before the restart of a program that was alive for ``alive_s``."""
        self._attempt = 1 if alive_s >= STABLE_AFTER_S else self._attempt + 1
        return backoff_s(self._attempt, RESTART_FIRST_DELAY_S, RESTART_MAX_DELAY_S)
