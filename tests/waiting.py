"""Waiting for what another process does: for a condition, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

WITHIN_S = 30.0
LOOK_S = 0.01


async def eventually(true: Callable[[], Awaitable[bool]], what: str, within_s: float = WITHIN_S) -> None:
    """Return when the condition holds; fail the test when it does not within the time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await true():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(LOOK_S)
