"""Leases: which of several processes works on a tier. For efficiency only; correctness rests on the commits."""

import os
import secrets
import socket

from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Script, Store

DROP_LEASE = Script("pointsman.runtime.store", "drop_lease")
HOLD_LEASE = Script("pointsman.runtime.store", "hold_lease")


def unique_holder() -> str:
    """Return a name that is unique to this process and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Lease:
    """The lease of one role on one tier. It expires ``hold_ms`` after the last renewal."""

    def __init__(self, store: Store, role: str, tier: str, holder: str, hold_ms: int) -> None:
        self._store = store
        self._key = keys.lease(role, tier)
        self._holder = holder
        self._hold_ms = hold_ms

    async def hold(self) -> bool:
        """Acquire or renew the lease; return whether this process holds it."""
        return bool(await self._store.run(HOLD_LEASE, [self._key], [self._holder, self._hold_ms]))

    async def drop(self) -> None:
        """Release the lease, so that the next holder need not wait until it expires."""
        await self._store.run(DROP_LEASE, [self._key], [self._holder])
