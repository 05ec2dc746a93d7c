"""Pulls under way: decisions for young arms whose outcome is not learned yet, in all replicas of a tier.

An arm of which little is known can look best because of that alone, and nothing changes until its first outcome is
learned from: seconds later, or minutes. Until then it would receive all the traffic. So the number of its pulls under
way is bounded: `FREE_PULLS`, and `PULLS_PER_OUTCOME` more for each outcome learned from. An arm with `GROWN_PULLS`
outcomes has no bound, and costs nothing here.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence

from pointsman.core.bandit import Arm

FREE_PULLS = 8
"""Pulls under way of an arm without outcomes. With the exploration that it keeps, an arm then has about ten."""

PULLS_PER_OUTCOME = 4
"""Further pulls under way for each outcome that an arm has learned from.

With outcomes that come 300 requests later, the best arm then has its share as soon as the first have come; with 1
instead of 4, after three times as long. A bad arm costs hardly more, because the policy leaves it after a few outcomes.
"""

GROWN_PULLS = 100
"""Outcomes from which on an arm has no bound."""

OUTCOME_WITHIN_S = 120.0
"""Time after which an outcome is not expected any more, in addition to the tier's wait for feedback."""

MAX_ARMS = 1024
"""Young arms with counted pulls; more come only from requests that name ever new candidates."""


class PullsUnderWay:
    """The pulls under way of the young arms of a tier, each with its time.

    Which decision an outcome belongs to is not known here: when an arm has learned from m outcomes, its m oldest pulls
    are removed. A pull whose outcome does not come is removed after ``lasts_s``. Pulls above an arm's bound are not
    counted, so memory is bounded.

    Parameters
    ----------
    lasts_s : float
        Longest time that a pull is counted.
    clock : callable, optional
        Returns the time in seconds; monotonic.
    """

    def __init__(self, lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s = lasts_s
        self._clock = clock
        self._learned: dict[Arm, int] = {}
        self._pulls: dict[Arm, deque[float]] = {}
        self._full: dict[Arm, float] = {}
        """Arms that have reached their bound, with the time at which the oldest of their pulls is removed."""
        self._unannounced: list[Arm] = []

    def young(self, arms: Sequence[Arm]) -> tuple[Arm, ...]:
        """Return those of the arms that have a bound."""
        return tuple([arm for arm in arms if self._learned.get(arm, 0) < GROWN_PULLS])

    def bound(self, arm: Arm) -> int:
        """Return the most pulls under way that a young arm may have."""
        return FREE_PULLS + PULLS_PER_OUTCOME * self._learned.get(arm, 0)

    def count(self, arm: Arm) -> int:
        """Return the number of pulls under way of an arm."""
        pulls = self._pulls.get(arm)
        if pulls is None:
            return 0
        oldest_s = self._clock() - self._lasts_s
        while pulls and pulls[0] <= oldest_s:
            pulls.popleft()
        return len(pulls)

    def full(self, young: Sequence[Arm]) -> tuple[Arm, ...]:
        """Return those of the young arms that have reached their bound."""
        if not self._full:  # the usual case
            return ()
        now_s = self._clock()
        for arm in [arm for arm, until_s in self._full.items() if until_s <= now_s]:
            self._check(arm)
        return tuple([arm for arm in young if arm in self._full])

    def counts(self) -> dict[Arm, int]:
        """Return the number of pulls under way of each young arm that has any."""
        return {arm: count for arm in self._pulls if (count := self.count(arm))}

    def add(self, arm: Arm) -> bool:
        """Count a pull of this replica's; return whether the arm has reached its bound by it."""
        if not self.add_remote(arm):
            return False
        self._unannounced.append(arm)
        return arm in self._full

    def add_remote(self, arm: Arm) -> bool:
        """Count a pull of another replica's; return whether it was counted."""
        now_s = self._clock()
        if self._full.get(arm, 0.0) > now_s or self._learned.get(arm, 0) >= GROWN_PULLS:
            return False
        if arm not in self._pulls and len(self._pulls) >= MAX_ARMS:
            self._pulls.clear()
            self._full.clear()
        self._pulls.setdefault(arm, deque()).append(now_s)
        self._check(arm)
        return True

    def take_unannounced(self) -> list[Arm]:
        """Return the pulls that were counted by `add` since the last call."""
        unannounced, self._unannounced = self._unannounced, []
        return unannounced

    def set_learned(self, arm: Arm, n: int) -> None:
        """Note that the state of an arm includes n outcomes: so many of its pulls are not under way any more."""
        pulls = self._pulls.get(arm)
        if pulls is not None:
            for _ in range(min(n - self._learned.get(arm, 0), len(pulls))):
                pulls.popleft()
            if not pulls or n >= GROWN_PULLS:
                del self._pulls[arm]
        self._learned[arm] = n
        self._check(arm)

    def clear_learned(self) -> None:
        """Forget the numbers of outcomes: the state is that of another log. Pulls stay under way."""
        self._learned.clear()
        for arm in self._pulls:
            self._check(arm)

    def _check(self, arm: Arm) -> None:
        """Note whether an arm has reached its bound."""
        if self.count(arm) >= self.bound(arm):
            self._full[arm] = self._pulls[arm][0] + self._lasts_s
        else:
            self._full.pop(arm, None)
