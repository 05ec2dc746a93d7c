"""Looking at a tier again and again, by the evaluator that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pointsman.contracts.messages.errors import MessageError
from pointsman.runtime.bus import BusError
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import bind_tier, logger

log = logger("shadow_evaluator")


async def patrol(
    tier: str, look: Callable[[], Awaitable[object]], every_s: float | None, following: Callable[[], bool], failed: str
) -> None:
    """Look every so often, while this process follows the tier, until cancelled. After a failure it looks again.

    Parameters
    ----------
    tier : str
    look : callable
        What NATS, the store or a message has against it is logged; anything else it raises is a bug, and raised.
    every_s : float or None
        None never looks.
    following : callable
        Tells whether this process follows the tier now; another one looks otherwise.
    failed : str
        What the log says has failed.
    """
    bind_tier(tier)
    if every_s is None:
        await asyncio.Event().wait()
        return
    while True:
        if following():
            try:
                await look()
            except (BusError, StateError, MessageError) as error:
                log.warning("tier %s: %s: %s", tier, failed, error)
        await asyncio.sleep(every_s)
