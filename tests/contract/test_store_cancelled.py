"""A task that works with the store ends when it is cancelled, at whatever moment that is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pointsman.runtime.store import store as store_module
from pointsman.runtime.store.store import Store
from tests.support.processes import StoreServer

pytestmark = pytest.mark.integration

TURNS = 40
ENDS_WITHIN_S = 5.0


async def _ping(store: Store) -> None:
    await store.ping()


async def _echo(store: Store, text: str) -> object:
    return await store.redis.echo(text)


async def _pipeline(store: Store) -> None:
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.get("a")
        pipe.get("b")
        await pipe.execute()


@pytest.mark.parametrize("work", [_ping, _pipeline])
async def test_a_cancelled_task_ends_whichever_turn_of_the_loop_it_is_cancelled_in(
    store: Store, work: Callable[[Store], Awaitable[None]]
) -> None:
    over = False

    async def for_ever() -> None:
        while not over:
            await work(store)

    await work(store)  # from now on there is a connection, and the first turns are those of a command
    for turns in range(TURNS):
        task = asyncio.create_task(for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=ENDS_WITHIN_S)
        over = not task.done()
        assert not over, f"cancelled after {turns} turns, it goes on"
    await work(store)


async def test_a_cancelled_command_leaves_no_answer_for_the_next_one(store: Store) -> None:
    for turns in range(TURNS):
        task = asyncio.create_task(_echo(store, "an abandoned answer"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=ENDS_WITHIN_S)
        assert await _echo(store, "mine") == b"mine"


async def test_a_command_is_not_disturbed_by_an_earlier_cancellation(store: Store) -> None:
    """As when a service ends: the task is cancelled, and gives its lease back on the way out."""
    replies: list[object] = []

    async def work() -> None:
        try:
            await asyncio.sleep(ENDS_WITHIN_S)
        finally:
            replies.append(await _echo(store, "given back"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert replies == [b"given back"]


async def test_a_connection_that_is_cancelled_before_its_login_is_not_used_again(
    store_server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = asyncio.Event()

    async def wait(*_: object) -> None:
        checks.set()
        await asyncio.sleep(ENDS_WITHIN_S)

    store = Store(store_server.url)
    try:
        with monkeypatch.context() as slow:
            slow.setattr(store_module, "check_peer", wait)
            task = asyncio.create_task(_ping(store))
            await checks.wait()
            task.cancel()
            await asyncio.wait({task})
        await _ping(store)
    finally:
        await store.close()
