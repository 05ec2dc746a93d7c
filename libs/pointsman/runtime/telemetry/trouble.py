"""Trouble that lasts: said when it begins, when it is another, each minute, and when it is over; not at every try."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

AGAIN_S = 60.0
"""How often the same thing is said while it lasts."""
CALM_S = 5.0
"""For how long nothing must have gone wrong until it is over: what tries again may get a bit further each time."""
MAX_KINDS = 16
"""Different texts that are remembered."""


class Trouble:
    """What keeps some work from going on.

    Parameters
    ----------
    log : Logger
    about : str
        What the work is, as ``tier SIMPLE``; begins each line.
    meanwhile : str
        What is done until it is over; ends each line.
    clock : callable
        Seconds that only go on.
    """

    def __init__(
        self, log: logging.Logger, about: str, meanwhile: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._about = about
        self._meanwhile = meanwhile
        self._clock = clock
        self._said: dict[str, float] = {}
        self._since_s = self._last_s = 0.0

    def tell(self, problem: str) -> None:
        """Take in that something went wrong; say it unless it was said lately."""
        now_s = self._last_s = self._clock()
        if not self._said:
            self._since_s = now_s
        if now_s - self._said.get(problem, float("-inf")) < AGAIN_S:
            return
        self._said.pop(problem, None)
        if len(self._said) >= MAX_KINDS:
            del self._said[next(iter(self._said))]
        self._said[problem] = now_s
        self._log.warning("%s: %s; %s", self._about, problem, self._meanwhile)

    def over(self) -> None:
        """Take in that all is well; say so when it has been for a moment. To be called again and again."""
        if self._said and self._clock() - self._last_s >= CALM_S:
            self._said.clear()
            self._log.info("%s: well again, after %.1f s of trouble", self._about, self._last_s - self._since_s)
