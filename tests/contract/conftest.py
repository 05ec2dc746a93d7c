"""Real servers for the tests of this folder: the bus's own NATS, and every store there is a program for."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from pointsman.cli.stack.server_programs import find_store_server
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.processes import NatsServer, StoreServer

STORES = {"valkey": find_store_server(), "redis": shutil.which("redis-server")}
"""The programs that the store's tests run against; Redis only where its server is installed."""


@pytest.fixture(scope="session", params=[name for name, program in STORES.items() if program])
def store_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """A store for all tests; what is in it is the last test's, so each uses a tier of its own."""
    server = StoreServer(tmp_path_factory.mktemp(request.param), Path(STORES[request.param] or ""))
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def store(store_server: StoreServer) -> AsyncIterator[Store]:
    connected = Store(store_server.url)
    await connected.redis.flushall()
    yield connected
    await connected.close()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own: a stream made right after one of its name was deleted may have its messages."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """A connection to a server without a stream."""
    connected = await Bus.connect(nats_server.url, "test")
    yield connected
    await connected.close()
