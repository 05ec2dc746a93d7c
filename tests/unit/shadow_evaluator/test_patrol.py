from __future__ import annotations

import asyncio

import pytest

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.runtime.bus import BusUnavailable
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman_shadow_evaluator.patrol import patrol

FAILURES = [BusUnavailable("away"), StoreUnavailable("away"), InvalidMessage("v", "odd")]


class Looks:
    """Fails a few times, then is looked at as often as wanted."""

    def __init__(self, *failures: Exception, enough: int = 0) -> None:
        self.failures, self.enough, self.count = list(failures), enough, 0
        self.seen = asyncio.Event()

    async def look(self) -> None:
        self.count += 1
        if self.count >= self.enough:
            self.seen.set()
        if self.failures:
            raise self.failures.pop(0)


async def test_what_fails_is_looked_at_again() -> None:
    looks = Looks(*FAILURES, enough=len(FAILURES) + 2)
    task = asyncio.create_task(patrol("T", looks.look, 0.0, lambda: True, "not judged"))
    await looks.seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_bug_is_not_hidden() -> None:
    looks = Looks(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await patrol("T", looks.look, 0.0, lambda: True, "not judged")


@pytest.mark.parametrize("every_s", [0.0, None])
async def test_nobody_looks_who_does_not_follow_or_was_told_not_to(every_s: float | None) -> None:
    looks, asked = Looks(), asyncio.Event()

    def following() -> bool:
        asked.set()
        return False

    task = asyncio.create_task(patrol("T", looks.look, every_s, following, "not judged"))
    for _ in range(20):
        await asyncio.sleep(0.0)
    assert asked.is_set() is (every_s is not None)
    assert (looks.count, task.done()) == (0, False)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
