"""The sums of a day are written with those of its hours, and read in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pointsman.core.off_policy import Moments, Statistics
from pointsman.runtime.store.store import Script, Store
from pointsman.shadow.sums import progress
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman.shadow.sums.store import ShadowStore

pytestmark = pytest.mark.integration

IDENTITY = "@uniform:live@1"
FIRST = 480_000 + 7
LAST = FIRST + 9 * 24 + 5


class CountingStore(ShadowStore):
    """Counts the hours that are read."""

    read_hours = 0

    async def totals(self, identity: str, hours: range, every: int | None = None) -> list[HourSums]:
        self.read_hours += len(hours)
        return await super().totals(identity, hours, every)


@pytest.mark.parametrize("span", [1, 5, 24, 30, 49, 100, 9 * 24 + 6])
async def test_the_total_is_that_of_all_hours_and_is_read_from_days(
    store: Store, empty_servers: None, span: int
) -> None:
    sums = CountingStore(store, f"SPAN{span}")
    hours = range(LAST - span + 1, LAST + 1)
    made = {(IDENTITY, hour): HourSums(counts={"decisions": float(hour)}) for hour in range(FIRST, LAST + 1)}
    late = {(IDENTITY, hour): HourSums(counts={"decisions": 1.0}) for hour in (FIRST + 30, LAST - 20)}
    await sums.commit(ShadowCommit(progress.WATERMARK, 0, 1, hours=made))
    await sums.commit(ShadowCommit(progress.WATERMARK, 1, 2, hours=late))
    added = sum(hour in hours for _, hour in late)
    assert (await sums.total(IDENTITY, hours)).counts == {"decisions": float(sum(hours) + added)}
    assert sums.read_hours < 2 * 24
    assert (await sums.total(IDENTITY, range(5, 5))).counts == {}


@pytest.mark.parametrize(("first", "span"), [(0, 1), (7, 10), (7, 17), (7, 18), (24, 48), (30, 200), (0, 0)])
async def test_days_are_the_hours_of_each_day_in_utc_added_up(
    store: Store, empty_servers: None, first: int, span: int
) -> None:
    sums = ShadowStore(store, f"DAYS{first}-{span}")
    hours = range(480_000 + first, 480_000 + first + span)
    added = {
        hour: HourSums(
            {"decisions": 1.0}, Statistics(reward=Moments.from_vectors(np.array([[1.0, *([hour / 1e6] * 7)]]))), hour
        )
        for hour in hours
        if hour % 5
    }
    made = {(IDENTITY, hour): one for hour, one in added.items()}
    await sums.commit(ShadowCommit(progress.WATERMARK, 0, 1, hours=made))
    days: dict[int, HourSums] = {}
    for hour, one in await sums.read(IDENTITY, hours):
        days[hour // 24] = days.get(hour // 24, HourSums()) + one
    found = await sums.by_day(IDENTITY, hours)
    assert [hour // 24 for hour, _ in found] == list(days)
    for hour, one in found:
        expected = days[hour // 24]
        assert (one.counts, one.bound) == (expected.counts, expected.bound)
        np.testing.assert_allclose(one.statistics.flat(), expected.statistics.flat(), rtol=1e-12)


class WatchedStore(Store):
    """Notes how many keys a script was given at most."""

    most_keys = 0

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        self.most_keys = max(self.most_keys, len(keys))
        return await super().run(script, keys, args)


@pytest.mark.parametrize("every", [None, 1, 5, 24, 25, 48, 100])
async def test_a_window_of_months_holds_the_store_up_for_a_day_of_it_at_a_time(
    store_url: str, empty_servers: None, every: int | None
) -> None:
    """All hours in one script took seconds with fifty arms; the store is blocked meanwhile, and outcomes are late."""
    store = WatchedStore(store_url)
    sums = ShadowStore(store, f"LONG{every}")
    hours = range(FIRST, FIRST + 300)
    for at, first in enumerate(range(hours.start, hours.stop, 20)):
        added = {
            (IDENTITY, hour): HourSums({"decisions": float(hour)}, bound=hour) for hour in range(first, first + 20)
        }
        await sums.commit(ShadowCommit(progress.WATERMARK, at, at + 1, hours=added))
    store.most_keys = 0
    found = await sums.totals(IDENTITY, hours, every)
    step = every or len(hours)
    parts = [hours[at : at + step] for at in range(0, len(hours), step)]
    assert [(of.counts["decisions"], of.bound) for of in found] == [(sum(part), part[-1]) for part in parts]
    assert 0 < store.most_keys <= 24
    await store.close()
