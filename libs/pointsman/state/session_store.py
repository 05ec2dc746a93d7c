"""Which arm served a conversation last, shared by all gateways. Made again by itself: nothing else rests on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from redis.exceptions import RedisError

from pointsman.bandit import Arm, ArmError
from pointsman.state import keys
from pointsman.state.errors import StoreUnavailable
from pointsman.state.store import Store


class Session(NamedTuple):
    """A conversation by its digest (never its text), and the arm that served it."""

    tier: str
    digest: str
    arm: Arm


class SessionStore:
    """Reads and writes sessions.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def arm(self, tier: str, digest: str) -> Arm | None:
        """Return the arm that served the conversation; None when that is not known (any more).

        Raises
        ------
        StoreUnavailable
        """
        try:
            found = await self._redis.get(keys.session(tier, digest))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"session: {error or type(error).__name__}") from error
        if found is None:
            return None
        try:
            return Arm.parse(found if isinstance(found, str) else found.decode())
        except (ArmError, UnicodeDecodeError):
            return None

    async def remember(self, sessions: Iterable[Session], ttl_s: int) -> None:
        """Write sessions, in one go.

        Raises
        ------
        StoreUnavailable
            Some may be written.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for session in sessions:
            pipeline.set(keys.session(session.tier, session.digest), str(session.arm).encode(), ex=ttl_s)
        try:
            await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"sessions: {error or type(error).__name__}") from error
