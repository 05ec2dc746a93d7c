"""A client that hangs up ends the work for it, and nothing else does."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from pointsman_gateway.chat.answer.disconnect import DisconnectWatch


class Client:
    """A connection on which the client can hang up."""

    def __init__(self) -> None:
        self.hung_up = asyncio.Event()
        self.asked = asyncio.Event()

    async def receive(self) -> Message:
        self.asked.set()
        await self.hung_up.wait()
        return {"type": "http.disconnect"}


async def test_work_is_cancelled_when_the_client_hangs_up_and_its_task_can_go_on() -> None:
    client = Client()

    async def work() -> str:
        watch = DisconnectWatch(client.receive)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert watch.absorb_cancellation()
        watch.stop()
        await asyncio.sleep(0)  # would raise, were the task still being cancelled
        return "recorded the outcome"

    task = asyncio.create_task(work())
    await client.asked.wait()
    client.hung_up.set()
    assert await task == "recorded the outcome"
    assert not task.cancelled()


async def test_another_cancellation_is_not_absorbed() -> None:
    client = Client()

    async def work() -> None:
        watch = DisconnectWatch(client.receive)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert not watch.absorb_cancellation()
            watch.stop()
            raise

    task = asyncio.create_task(work())
    await client.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_happens_after_the_watch_has_stopped() -> None:
    client = Client()

    async def work() -> bool:
        watch = DisconnectWatch(client.receive)
        await client.asked.wait()
        watch.stop()
        client.hung_up.set()
        await asyncio.sleep(0.05)
        return watch.client_left

    assert not await asyncio.create_task(work())
