"""Wait for a condition in another task or process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

TIMEOUT_S = 30.0
PROCESS_TIMEOUT_S = 20.0
POLL_INTERVAL_S = 0.01


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = TIMEOUT_S) -> None:
    """Return when the condition holds; fail the test when it does not hold in time."""
    deadline = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(POLL_INTERVAL_S)


def wait_until(condition: Callable[[], bool], what: str, within_s: float = PROCESS_TIMEOUT_S) -> None:
    """Return when the condition holds; fail the test when it does not hold in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(POLL_INTERVAL_S)
