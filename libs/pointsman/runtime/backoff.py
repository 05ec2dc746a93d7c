"""How long to wait before a program that died is started again."""

from __future__ import annotations

FIRST_S = 0.2
LONGEST_S = 5.0
STEADY_S = 10.0


class Backoff:
    """Doubles from 0.2 s to 5 s, and starts over once a program has stayed alive for 10 s."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def after(self, alive_s: float) -> float:
        """Return how long to wait, in seconds, after a program that stayed alive for ``alive_s``."""
        if alive_s >= STEADY_S:
            self._next_s = FIRST_S
        delay_s = self._next_s
        self._next_s = min(self._next_s * 2, LONGEST_S)
        return delay_s
