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
    """A conversation by its digest (never its text), and the arm that served it.

    Attributes
    ----------
    auto : bool
        The requests name no tier; ``tier`` is the one that was found for them.
    """

    tier: str
    digest: str
    arm: Arm
    auto: bool = False


class SessionStore:
    """Reads and writes sessions."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def arm(self, tier: str, digest: str) -> Arm | None:
        """Return the arm that served the conversation; None when it is unknown or has expired.

        Raises
        ------
        StoreUnavailable
        """
        found = await self._get(keys.session(tier, digest))
        return None if found is None else _arm(found)

    async def auto(self, digest: str) -> PreviousTurn | None:
        """Return tier and arm of a conversation that names no tier; None when they are unknown or have expired.

        Raises
        ------
        StoreUnavailable
        """
        found = await self._get(keys.auto_session(digest))
        if found is None:
            return None
        tier, _, text = found.partition(" ")
        arm = _arm(text)
        return None if arm is None else PreviousTurn(tier, arm)

    async def remember(self, sessions: Iterable[StoredSession], ttl_s: int) -> None:
        """Write sessions in one round trip.

        Raises
        ------
        StoreUnavailable
            Some may be written.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for tier, digest, arm, auto in sessions:
            if auto:
                pipeline.set(keys.auto_session(digest), f"{tier} {arm}".encode(), ex=ttl_s)
            else:
                pipeline.set(keys.session(tier, digest), str(arm).encode(), ex=ttl_s)
        with store_errors("sessions"):
            await pipeline.execute()

    async def _get(self, key: str) -> str | None:
        with store_errors("session"):
            found = await self._redis.get(key)
        try:
            return found.decode() if isinstance(found, bytes) else found
        except UnicodeDecodeError:
            return None


def _arm(text: str) -> Arm | None:
    try:
        return Arm.parse(text)
    except ArmError:
        return None
