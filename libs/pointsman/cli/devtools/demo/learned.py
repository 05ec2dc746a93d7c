"""What the services have learned in the demo's tier, and the report of its shadow policies."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from pointsman.cli.gateway import GatewayClient
from pointsman.shadow.report.messages import PolicyReport, Report

POLL_INTERVAL_S = 0.05

S = TypeVar("S")


class TierLearned(NamedTuple):
    """Number of outcomes that a tier has learned from, and their mean reward (0 to 100; 0 without any)."""

    outcomes: int
    mean_reward: float


async def read_learned(gateway: GatewayClient, tier: str) -> TierLearned:
    """Return the sum over the arms of a tier."""
    arms = (await gateway.get(f"/v1/arms?tier={tier}")).json()["arms"]
    n = sum(arm["n"] for arm in arms)
    total = sum(arm["n"] * arm["mean_reward"] for arm in arms if arm["mean_reward"] is not None)
    return TierLearned(n, 100.0 * total / n if n else 0.0)


async def read_shadows(gateway: GatewayClient, tier: str) -> list[PolicyReport]:
    """Return the tier's shadow report of the last seven days."""
    return msgspec.json.decode((await gateway.get(f"/v1/shadow/report?tier={tier}")).body, type=Report).policies


async def wait_learned(gateway: GatewayClient, tier: str, outcomes: int, timeout_s: float) -> TierLearned:
    """Wait until the tier has learned from so many outcomes; return the state at the end or the timeout."""
    return await _wait(lambda: read_learned(gateway, tier), lambda learned: learned.outcomes >= outcomes, timeout_s)


async def wait_shadows(
    gateway: GatewayClient, tier: str, before: list[PolicyReport], more: int, timeout_s: float
) -> list[PolicyReport]:
    """Wait until each shadow has ``more`` decisions with outcomes; return the report at the end or the timeout."""
    decisions = max((shadow.decisions + shadow.errors for shadow in before), default=0) + more
    rewarded = max((shadow.rewarded + shadow.errors for shadow in before), default=0) + more

    def enough(shadows: list[PolicyReport]) -> bool:
        return all(s.decisions + s.errors >= decisions and s.rewarded + s.errors >= rewarded for s in shadows)

    return await _wait(lambda: read_shadows(gateway, tier), enough, timeout_s)


async def _wait(read: Callable[[], Awaitable[S]], enough: Callable[[S], bool], timeout_s: float) -> S:
    deadline = time.monotonic() + timeout_s
    while True:
        found = await read()
        if enough(found) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(POLL_INTERVAL_S)
