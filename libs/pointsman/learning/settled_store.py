"""How far the settler of a tier has come. Nothing rests on it but work that need not be done twice."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store


class Settled(NamedTuple):
    """Everything up to a sequence has counted, of the stream that was created then; empty and 0 when unknown."""

    epoch: str
    sequence: int


class SettledStore:
    """The low watermark of one tier.

    It is written without a compare: whoever writes it has appended everything up to there, so at worst, after a stalled
    settler wakes up, some is looked at again.

    Parameters
    ----------
    store : Store
    tier : str
    """

    def __init__(self, store: Store, tier: str) -> None:
        self._redis = store.redis
        self._key = keys.settled(tier)

    async def get(self) -> Settled:
        """Return how far it has come.

        Raises
        ------
        StoreUnavailable
        """
        with store_errors("settled"):
            found: dict[bytes, bytes] = await self._redis.hgetall(self._key)  # type: ignore[assignment]  # never str: responses are not decoded
        sequence = found.get(b"sequence", b"0")
        return Settled(found.get(b"epoch", b"").decode(), int(sequence) if sequence.isdigit() else 0)

    async def set(self, settled: Settled) -> None:
        """Say how far it has come.

        Raises
        ------
        StoreUnavailable
        """
        with store_errors("settled"):
            await self._redis.hset(self._key, mapping={"epoch": settled.epoch, "sequence": settled.sequence})
