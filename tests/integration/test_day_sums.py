"""Days long past are read once in a while, and the total is that of all hours all the same."""

from __future__ import annotations

import pytest

from pointsman.state import HourSums, ShadowCommit, ShadowStore, Store
from pointsman.state import shadow_progress as progress
from services.gateway.insight.day_sums import KEPT_S, DaySums

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
async def test_the_total_is_that_of_all_hours(store: Store, empty_servers: None, span: int) -> None:
    sums = CountingStore(store, f"SPAN{span}")
    hours = range(LAST - span + 1, LAST + 1)
    made = {(IDENTITY, hour): HourSums(counts={"decisions": float(hour)}) for hour in range(FIRST, LAST + 1)}
    await sums.commit(ShadowCommit(progress.WATERMARK, 0, 1, hours=made))
    days = DaySums()
    for _ in range(2):
        assert (await days.total(sums, IDENTITY, hours)).counts == {"decisions": float(sum(hours))}
    assert (await days.total(sums, IDENTITY, range(5, 5))).counts == {}


async def test_settled_days_are_read_again_after_a_while_and_the_last_ones_always(
    store: Store, empty_servers: None
) -> None:
    sums, now_s = CountingStore(store, "AGAIN"), 0.0
    hours = range(FIRST, LAST + 1)

    async def add(hour: int, expected: int) -> None:
        made = {(IDENTITY, hour): HourSums(counts={"decisions": 1.0})}
        assert (await sums.commit(ShadowCommit(progress.WATERMARK, expected, expected + 1, hours=made))).applied

    async def total() -> float:
        return (await days.total(sums, IDENTITY, hours)).counts["decisions"]

    days = DaySums(lambda: now_s)
    await add(LAST, 0)
    assert await total() == 1.0
    assert sums.read_hours == len(hours)
    await add(LAST, 1)
    await add(LAST - 24, 2)
    await add(FIRST, 3)  # before the first whole day
    assert await total() == 4.0
    assert sums.read_hours < 2 * len(hours) - 24 * 5
    await add(FIRST + 24, 4)
    assert await total() == 4.0
    now_s = KEPT_S
    assert await total() == 5.0
