"""A tier's high cost or latency: quantiles of the recent outcomes of each arm, which no single outcome can move."""

from bisect import insort
from collections.abc import Iterator, Sequence

WINDOW_BLOCK = 250
"""Outcomes of an arm after which a block is full. The last two blocks form its window."""
MIN_WINDOW_BLOCK = 25
"""Outcomes of an arm from which a block ends when it has become old."""
MAX_BLOCK_AGE = 2_500
"""Age of a block, in outcomes of the tier, from which it ends early, for arms that are rarely served."""
MAX_ARM_AGE = 10_000
"""Outcomes of the tier after which an arm without any leaves the scale: it was probably removed."""
DROPPED_PER = 100
"""Of this many outcomes, the largest one is dropped: the rest is below the 99 % quantile."""
KEPT = 2 * WINDOW_BLOCK // DROPPED_PER + 1
"""Largest values that a block keeps: the quantile of two full blocks is the last of them."""

MIN_ARMS = 2
"""Arms from which a scale exists: before, an arm could only be compared with itself."""
OUTLIER_FACTOR = 20.0
"""A value that exceeds the scale by more than this factor is an outlier."""
OUTLIER_AFTER = 20
"""Outcomes of the tier from which a value can be an outlier."""


class RollingHigh:
    """The 99 % quantile of the last 250 to 500 values of one arm, computed exactly in constant time and memory.

    Of n values in the window, the ⌈n/100⌉ largest are dropped and the next one is the quantile. So at least one value
    is always dropped, and a single outlier never counts.

    Parameters
    ----------
    began : int
        Outcomes of the tier before the first block.

    Attributes
    ----------
    high: The quantile; None for less than two values.
    seen: Outcomes of the tier at the last value.
    """

    __slots__ = ("_before", "_began", "_n", "_n_before", "_now", "high", "seen")

    def __init__(self, began: int) -> None:
        self.seen = self._began = began
        self._n_before = self._n = 0
        self._before: list[float] = []  # the largest values of the block, ascending
        self._now: list[float] = []
        self.high: float | None = None

    def observe(self, value: float, tier_count: int) -> None:
        """Add a value to the window; ``tier_count``: outcomes of the tier so far, including this one."""
        if self._n >= WINDOW_BLOCK or (self._n >= MIN_WINDOW_BLOCK and tier_count - self._began > MAX_BLOCK_AGE):
            self._before, self._n_before = self._now, self._n
            self._now, self._n, self._began = [], 0, tier_count
        self.seen = tier_count
        self._n += 1
        if len(self._now) < KEPT or value > self._now[0]:
            insort(self._now, value)
            del self._now[:-KEPT]
        elif (self._n_before + self._n) % DROPPED_PER != 1:
            return  # neither the largest values nor the number of those that are dropped has changed
        self._find_high()

    def state(self) -> list[float]:
        """Return the state to store."""
        counts = (self.seen, self._began, self._n_before, self._n)
        return [*map(float, counts), *self._before, *self._now]

    @classmethod
    def from_state(cls, state: Sequence[float]) -> "RollingHigh":
        """Return the window from the result of `state`."""
        seen, began, n_before, n = (int(number) for number in state[:4])
        window = cls(began)
        window.seen, window._n_before, window._n = seen, n_before, n
        now = 4 + min(n_before, KEPT)
        window._before, window._now = list(state[4:now]), list(state[now:])
        window._find_high()
        return window

    def _find_high(self) -> None:
        n = self._n_before + self._n
        if n > 1:
            self.high = sorted(self._before + self._now)[-1 - -(-n // DROPPED_PER)]


class RollingScale:
    """The value of one signal, cost or latency, that is normalised to 1: the highest of the arms' `RollingHigh`.

    The arms have windows of their own, because the costs of a rarely served arm would be lost in a common one. An arm
    that has no outcome among `MAX_ARM_AGE` leaves the scale.

    Attributes
    ----------
    count: Outcomes of the tier that reported the signal.
    high: The scale; None until two arms have a quantile.
    """

    __slots__ = ("_arms", "count", "high")

    def __init__(self) -> None:
        self.count = 0
        self.high: float | None = None
        self._arms: dict[str, RollingHigh] = {}

    def observe(self, arm: str, value: float) -> bool:
        """Add a value of an arm; return whether it is an outlier on the scale before it."""
        outlier = self.count >= OUTLIER_AFTER and self.high is not None and value > OUTLIER_FACTOR * self.high > 0.0
        self.count += 1
        window = self._arms.get(arm)
        if window is None:
            window = self._arms[arm] = RollingHigh(self.count)
        before = window.high
        window.observe(value, self.count)
        if self.count % MAX_BLOCK_AGE == 0:
            self._drop_removed_arms()
        elif window.high != before:
            self._find_high()
        return outlier

    def state(self) -> Iterator[tuple[str, list[float]]]:
        """Yield the state of each arm."""
        return ((arm, window.state()) for arm, window in self._arms.items())

    def restore(self, arm: str, state: Sequence[float]) -> None:
        """Restore the state of an arm; `count` is restored by the caller."""
        self._arms[arm] = RollingHigh.from_state(state)
        self._find_high()

    def _find_high(self) -> None:
        highs = [window.high for window in self._arms.values() if window.high is not None]
        self.high = max(highs) if len(highs) >= MIN_ARMS else None

    def _drop_removed_arms(self) -> None:
        """Drop the arms that were not seen for long, but leave what is needed for a scale."""
        old = [arm for arm, window in self._arms.items() if self.count - window.seen >= MAX_ARM_AGE]
        for arm in old[: max(0, len(self._arms) - MIN_ARMS)]:
            del self._arms[arm]
        self._find_high()
