"""Reset of a tier: delete its learned state, so that the reward-updater learns it again from the log."""

from collections.abc import AsyncIterator

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Script, Store

FENCE_TIER = Script("pointsman.learning", "fence_tier")

RESETTING = "resetting"
"""Epoch of a tier whose keys are being deleted: writers wait, replicas keep what they know."""

_SCAN_COUNT = 1000


async def reset_tier(store: Store, tier: str) -> int:
    """Delete the learned state of a tier, while all services run; return the number of deleted keys.

    The tier is fenced first and released last. In between no commit succeeds, so no applied bit remains: it would make
    the reward-updater skip an outcome. A crash in between leaves the fence; another reset ends it.
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
    """Return the tiers that have learned state in the store."""
    with store_errors():
        return {keys.tier_name(name) async for name in store.redis.scan_iter(keys.ANY_TIER, count=_SCAN_COUNT)}


async def _scan(store: Store, pattern: str) -> AsyncIterator[list[bytes | str]]:
    cursor = 0
    while True:
        cursor, found = await store.redis.scan(cursor, match=pattern, count=_SCAN_COUNT)
        if found:
            yield found
        if cursor == 0:
            return
