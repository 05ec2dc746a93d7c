"""What the checks of a running installation have in common: its addresses and connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from pointsman.cli.target import Target
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.store.store import Store

CONNECT_TIMEOUT_S = 3.0
START_REMEDY = "start it, or `pointsman up`; see its log"


class Inspection(NamedTuple):
    """Connections to a running installation.

    Attributes
    ----------
    bus: None when NATS cannot be reached.
    bus_problem: Why not.
    """

    target: Target
    store: Store
    bus: Bus | None
    bus_problem: str = ""


@asynccontextmanager
async def inspect(target: Target) -> AsyncIterator[Inspection]:
    """Connect, and close the connections at the end."""
    bus, problem = None, ""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            bus = await Bus.connect(target.nats, "pointsman doctor")
    except (TimeoutError, OSError, BusError) as error:
        problem = str(error) or f"no response within {CONNECT_TIMEOUT_S:g} s"
    store = Store(target.redis, timeout_ms=int(CONNECT_TIMEOUT_S * 1000))
    try:
        yield Inspection(target, store, bus, problem)
    finally:
        await store.close()
        if bus is not None:
            await bus.close()
