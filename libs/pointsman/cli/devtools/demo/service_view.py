"""What the running services say about the demo's tier: outcomes learned from, and how the shadows did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from pointsman.cli.http import GatewayClient

POLL_S = 0.05

S = TypeVar("S")


class Within(msgspec.Struct, frozen=True):
    """An interval."""

    low: float | None = None
    high: float | None = None


class RewardView(msgspec.Struct, frozen=True):
    """A reward difference, with the interval that holds at every look."""

    estimate: float | None = None
    always_valid: Within = Within()


class ShadowView(msgspec.Struct, frozen=True):
    """One shadow policy in the report."""

    policy: str
    decisions: int
    agreement: float | None = None
    cost_delta_usd: float | None = None
    errors: int = 0
    rewarded: int = 0
    reward_delta: RewardView = RewardView()
    verdict: str = ""


class _Report(msgspec.Struct, frozen=True):
    policies: list[ShadowView]


class _Arm(msgspec.Struct, frozen=True):
    n: int
    mean_reward: float | None


class _Arms(msgspec.Struct, frozen=True):
    arms: list[_Arm]


class Learned(msgspec.Struct, frozen=True):
    """How many outcomes a tier has learned from, and their mean reward (0 to 100; 0 when there were none)."""

    outcomes: int
    mean_reward: float


async def read_learned(gateway: GatewayClient, tier: str) -> Learned:
    """Add up what the tier's arms have learned."""
    arms = msgspec.json.decode((await gateway.get(f"/v1/arms?tier={tier}")).body, type=_Arms).arms
    n = sum(arm.n for arm in arms)
    total = sum(arm.n * arm.mean_reward for arm in arms if arm.mean_reward is not None)
    return Learned(n, 100.0 * total / n if n else 0.0)


async def read_shadows(gateway: GatewayClient, tier: str) -> list[ShadowView]:
    """Return the tier's shadow report of the last seven days."""
    return msgspec.json.decode((await gateway.get(f"/v1/shadow/report?tier={tier}")).body, type=_Report).policies


async def wait_learned(gateway: GatewayClient, tier: str, outcomes: int, patience_s: float) -> Learned:
    """Wait until the tier has learned from so many outcomes; return what it has when patience ends."""
    return await _wait(lambda: read_learned(gateway, tier), lambda learned: learned.outcomes >= outcomes, patience_s)


async def wait_shadows(
    gateway: GatewayClient, tier: str, before: list[ShadowView], more: int, patience_s: float
) -> list[ShadowView]:
    """Wait until every shadow has so many more decisions, with their outcomes; return how far they are at the end."""
    ran = max((shadow.decisions + shadow.errors for shadow in before), default=0) + more
    joined = max((shadow.rewarded + shadow.errors for shadow in before), default=0) + more

    def enough(shadows: list[ShadowView]) -> bool:
        return all(s.decisions + s.errors >= ran and s.rewarded + s.errors >= joined for s in shadows)

    return await _wait(lambda: read_shadows(gateway, tier), enough, patience_s)


async def _wait(read: Callable[[], Awaitable[S]], enough: Callable[[S], bool], patience_s: float) -> S:
    deadline = time.monotonic() + patience_s
    while True:
        found = await read()
        if enough(found) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(POLL_S)
