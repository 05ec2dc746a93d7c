"""Which decision was behind an answer, by the answer's own id: so that feedback can name what clients have at hand."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from redis.exceptions import RedisError

from pointsman.state import keys
from pointsman.state.errors import StoreUnavailable
from pointsman.state.store import Store


class Response(NamedTuple):
    """An answer's id, whatever a provider made of it, the decision behind it, and how long that is of interest."""

    response_id: str
    decision_id: str
    keep_s: int


class ResponseStore:
    """Reads and writes the index.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def decision(self, response_id: str) -> str | None:
        """Return the id of the decision behind an answer; None when that is not known (any more).

        Raises
        ------
        StoreUnavailable
        """
        try:
            found = await self._redis.get(_key(response_id))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"response: {error or type(error).__name__}") from error
        if found is None:
            return None
        return found if isinstance(found, str) else found.decode(errors="replace")

    async def remember(self, responses: Iterable[Response]) -> None:
        """Write entries, in one go; of two answers with one id the later one stays.

        Raises
        ------
        StoreUnavailable
            Some may be written.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for response in responses:
            pipeline.set(_key(response.response_id), response.decision_id.encode(), ex=response.keep_s)
        try:
            await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"responses: {error or type(error).__name__}") from error


def _key(response_id: str) -> str:
    # Of a fixed length and harmless, whatever the id is.
    return keys.response(blake2b(response_id.encode(errors="surrogatepass"), digest_size=16).hexdigest())
