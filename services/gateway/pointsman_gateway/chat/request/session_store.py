"""Store of the arm that last served each conversation, shared by all gateways. It is a cache: losing it is harmless."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pointsman.core.bandit import Arm, ArmError
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store


class PreviousTurn(NamedTuple):
    """Tier and arm of the previous turn of a conversation."""

    tier: str
    arm: Arm


class StoredSession(NamedTuple):
    """A conversation by its digest (never its text), and the arm that served it."""

    tier: str
    digest: str
    arm: Arm
    auto: bool = False  # its requests name no tier; `tier` was found for them


class SessionStore:
    """Reads and writes sessions; raises `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def previous_turn(self, tier: str | None, digest: str) -> PreviousTurn | None:
        """Return the turn of a conversation, of one that names no tier for None; None when unknown or expired."""
        with store_errors("session"):
            found = await self._redis.get(keys.auto_session(digest) if tier is None else keys.session(tier, digest))
        if found is None:
            return None
        try:
            text = found.decode() if isinstance(found, bytes) else found
            if tier is None:
                tier, _, text = text.partition(" ")
            return PreviousTurn(tier, Arm.parse(text))
        except (UnicodeDecodeError, ArmError):
            return None

    async def remember(self, sessions: Iterable[StoredSession], ttl_s: int) -> None:
        """Write sessions in one round trip; when the store is unavailable, some may be written."""
        pipeline = self._redis.pipeline(transaction=False)
        for tier, digest, arm, auto in sessions:
            if auto:
                pipeline.set(keys.auto_session(digest), f"{tier} {arm}".encode(), ex=ttl_s)
            else:
                pipeline.set(keys.session(tier, digest), str(arm).encode(), ex=ttl_s)
        with store_errors("sessions"):
            await pipeline.execute()
