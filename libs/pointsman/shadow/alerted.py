"""What was last alerted about, kept for when the alerts' stream has dropped it."""

from __future__ import annotations

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store


class Alerted:
    """The last state of one kind of alert of one tier.

    Parameters
    ----------
    store : Store
    tier, kind : str
    """

    def __init__(self, store: Store, tier: str, kind: str) -> None:
        self._store = store
        self._key = keys.shadow_alerts(tier)
        self._kind = kind

    async def read(self) -> str:
        """Return it; empty when there was none."""
        with store_errors():
            state = await self._store.redis.hget(self._key, self._kind)
        return state.decode() if isinstance(state, bytes) else state or ""

    async def write(self, state: str) -> None:
        """Keep it."""
        with store_errors():
            await self._store.redis.hset(self._key, self._kind, state)
