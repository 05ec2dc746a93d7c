"""A lease: which of several processes works on a tier now. For efficiency only; correctness rests on the commits."""

from __future__ import annotations

from pointsman.runtime.store import keys
from pointsman.runtime.store.script import Script
from pointsman.runtime.store.store import Store

DROP_LEASE = Script("pointsman.runtime.store", "drop_lease")

HOLD_LEASE = Script("pointsman.runtime.store", "hold_lease")


class Lease:
    """One role's lease on one tier.

    Parameters
    ----------
    store : Store
    role, tier : str
    holder : str
        A name that no other process has.
    hold_ms : int
        How long it is held without a word from the holder.
    """

    def __init__(self, store: Store, role: str, tier: str, holder: str, hold_ms: int) -> None:
        self._store = store
        self._key = keys.lease(role, tier)
        self._holder = holder
        self._hold_ms = hold_ms

    async def hold(self) -> bool:
        """Take the lease or go on holding it; tell whether it is ours."""
        return bool(await self._store.run(HOLD_LEASE, [self._key], [self._holder, self._hold_ms]))

    async def drop(self) -> None:
        """Give it back, so that the next holder need not wait."""
        await self._store.run(DROP_LEASE, [self._key], [self._holder])
