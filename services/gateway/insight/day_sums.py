"""Sums over many hours, with those of days long past kept in memory for a while: they hardly change any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import NamedTuple

from pointsman.state import HourSums, ShadowStore

DAY_HOURS = 24
SETTLED_DAYS = 1
"""A day that ended so many days ago gets few rewards any more."""
KEPT_S = 600.0
"""How late those show: a day is read again after so long."""


class _Kept(NamedTuple):
    until_s: float
    sums: HourSums


class DaySums:
    """Adds up hours.

    Parameters
    ----------
    clock : callable
        Seconds that only go on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str, int], _Kept] = {}

    async def total(self, sums: ShadowStore, identity: str, hours: range) -> HourSums:
        """Return the sums of a policy over a range of hours that ends about now."""
        if not hours:
            return HourSums()
        first = -(-hours.start // DAY_HOURS)
        settled = range(first, max(first, hours.stop // DAY_HOURS - SETTLED_DAYS))
        if not settled:
            return reduce(add, await sums.totals(identity, hours), HourSums())
        found = await self._days(sums, identity, settled)
        for rest in (
            range(hours.start, settled.start * DAY_HOURS),
            range(settled.stop * DAY_HOURS, hours.stop),
        ):
            found += await sums.totals(identity, rest)
        return reduce(add, found, HourSums())

    async def _days(self, sums: ShadowStore, identity: str, days: range) -> list[HourSums]:
        now_s = self._clock()
        kept = {day: self._kept.get((sums.tier, identity, day)) for day in days}
        missing = [day for day, found in kept.items() if found is None or found.until_s <= now_s]
        if missing:
            span = range(missing[0], missing[-1] + 1)
            read = await sums.totals(identity, range(span.start * DAY_HOURS, span.stop * DAY_HOURS), DAY_HOURS)
            self._kept = {key: entry for key, entry in self._kept.items() if entry.until_s > now_s}
            for day, of_day in zip(span, read, strict=True):
                kept[day] = self._kept[sums.tier, identity, day] = _Kept(now_s + KEPT_S, of_day)
        return [found.sums for found in kept.values() if found is not None]
