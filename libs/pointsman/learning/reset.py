"""Emptying a tier, so that the reward-updater learns it anew from the log. Safe while everything runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.script import Script
from pointsman.runtime.store.store import Store

FENCE_TIER = Script("pointsman.learning", "fence_tier")

RESETTING = "resetting"
"""Epoch of a tier whose keys are being deleted: writers wait, replicas keep what they know."""

_SCAN = 1000


async def reset_tier(store: Store, tier: str) -> int:
    """Delete everything learned in a tier; return how many keys that was.

    The tier is fenced first and freed last. In between no commit can succeed, so that no applied bit is left over from
    before: it would make the updater skip an outcome. A crash in between leaves the fence; doing it again ends it.
    """
    await store.run(FENCE_TIER, [keys.tier(tier)], [RESETTING])
    deleted = 0
    with store_errors():
        for pattern in keys.learned_patterns(tier):
            async for found in _scan(store, pattern):
                deleted += int(await store.redis.delete(*found))
        await store.redis.delete(keys.tier(tier))
    return deleted


async def stored_tiers(store: Store) -> set[str]:
    """Return the tiers that the store has learned anything of."""
    with store_errors():
        return {keys.tier_name(name) async for name in store.redis.scan_iter(keys.ANY_TIER, count=_SCAN)}


async def _scan(store: Store, pattern: str) -> AsyncIterator[list[bytes | str]]:
    cursor = 0
    while True:
        cursor, found = await store.redis.scan(cursor, match=pattern, count=_SCAN)
        if found:
            yield found
        if cursor == 0:
            return
