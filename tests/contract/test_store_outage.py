"""A store that is down or hangs: every call ends with StoreUnavailable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from pointsman.learning.tier_store import Commit, TierStore
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.shadow.own_learning.learned_store import LearnedState, LearnedStore
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.store import ShadowStore
from tests.support.processes import StoreServer, free_port

TIMEOUT_MS = 150
BOUND_S = 10.0
"""Many times the timeout: what must not happen is to wait for ever."""

CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "changes": lambda store: TierStore(store, "T").changes(),
    "commit": lambda store: TierStore(store, "T").commit(Commit("e", 0, 1, 1, {})),
    "applied_chunk": lambda store: TierStore(store, "T").applied_chunk(1),
    "outcome_of": lambda store: TierStore(store, "T").outcome_of(1),
    "hold": lambda store: Lease(store, "reward-updater", "T", "a", 100).hold(),
    "drop": lambda store: Lease(store, "reward-updater", "T", "a", 100).drop(),
    "watermark": lambda store: ShadowStore(store, "T").watermark(),
    "progress": lambda store: ShadowStore(store, "T").progress(),
    "commit_shadow": lambda store: ShadowStore(store, "T").commit(ShadowCommit("watermark", 0, 1)),
    "picks": lambda store: ShadowStore(store, "T").picks([("p", 1)]),
    "learned": lambda store: LearnedStore(store, "T", "p").load(),
    "commit_learned": lambda store: LearnedStore(store, "T", "p").commit(0, LearnedState("o"), [], 60),
    "read": lambda store: ShadowStore(store, "T").read("p", range(1, 3)),
    "ping": lambda store: store.ping(),
}


@pytest_asyncio.fixture
async def impatient(store_server: StoreServer) -> AsyncIterator[Store]:
    store = Store(store_server.url, TIMEOUT_MS)
    yield store
    await store.close()


@pytest.mark.parametrize("call", CALLS)
async def test_a_stopped_store(call: str) -> None:
    store = Store(f"redis://127.0.0.1:{free_port()}/0", TIMEOUT_MS)
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(StoreUnavailable):
            await CALLS[call](store)
    await store.close()


@pytest.mark.parametrize("call", CALLS)
async def test_it_hangs(store_server: StoreServer, impatient: Store, call: str) -> None:
    await impatient.ping()
    store_server.pause()
    try:
        async with asyncio.timeout(BOUND_S):
            with pytest.raises(StoreUnavailable):
                await CALLS[call](impatient)
    finally:
        store_server.resume()


async def test_more_calls_than_connections_end_too(store_server: StoreServer, impatient: Store) -> None:
    await impatient.ping()
    store_server.pause()
    try:
        async with asyncio.timeout(BOUND_S):
            results = await asyncio.gather(*(impatient.ping() for _ in range(40)), return_exceptions=True)
    finally:
        store_server.resume()
    assert all(isinstance(result, StoreUnavailable) for result in results)


async def test_it_comes_back_and_is_used_again(store_server: StoreServer, impatient: Store) -> None:
    tier = TierStore(impatient, "BACK")
    await tier.commit(Commit("e", 0, 1, 1, {}))
    store_server.kill()
    with pytest.raises(StoreUnavailable):
        await tier.changes()
    store_server.start()
    assert (await tier.changes()).watermark == 0
    assert (await tier.commit(Commit("e", 0, 1, 1, {}))).applied


async def test_a_store_that_refuses_to_write_is_unavailable(store_server: StoreServer, impatient: Store) -> None:
    admin = Store(store_server.url)
    await admin.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await TierStore(impatient, "FULL").commit(Commit("e", 0, 1, 1, {}))
        assert (await TierStore(impatient, "FULL").changes()).watermark == 0
    finally:
        await admin.redis.config_set("maxmemory", "0")
        await admin.close()
