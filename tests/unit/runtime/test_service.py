"""Background tasks of a service end with it, and their errors end it."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.runtime.service import BackgroundTasks


async def test_background_tasks_are_cancelled_when_the_service_stops() -> None:
    stop, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with BackgroundTasks() as tasks:
        tasks.start("work", work())
        asyncio.get_running_loop().call_soon(stop.set)
        await tasks.wait_until(stop)
    assert ended.is_set()


async def test_error_of_a_background_task_is_raised() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with BackgroundTasks() as tasks:
            tasks.start("work", work())
            await tasks.wait_until(asyncio.Event())


async def test_background_task_that_ends_without_an_error_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="work ended"):
        async with BackgroundTasks() as tasks:
            tasks.start("work", asyncio.sleep(0))
            await tasks.wait_until(asyncio.Event())
