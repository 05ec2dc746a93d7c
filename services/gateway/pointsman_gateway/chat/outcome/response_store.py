"""Store of the decisions behind answers by the answers' own ids, so that feedback can name what clients know.

Providers choose the ids, and some choose few: Ollama's are ``chatcmpl-`` and one of 999 numbers. An id that two answers
have had identifies neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store

AMBIGUOUS = ""
"""In place of a decision id: more than one answer has had the id."""


class StoredResponse(NamedTuple):
    """The id of an answer, the decision behind it, and how long it is kept."""

    response_id: str
    decision_id: str
    keep_s: int


class ResponseStore:
    """Reads and writes the index; raises `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def decision(self, response_id: str) -> str | None:
        """Return the id of the decision behind an answer, or `AMBIGUOUS`; None when it is unknown or has expired."""
        with store_errors("response"):
            found = await self._redis.get(_key(response_id))
        return _text(found)

    async def remember(self, responses: Iterable[StoredResponse]) -> None:
        """Write entries in one round trip; a second one marks ids that another answer has had as `AMBIGUOUS`.

        When the store is unavailable, some may be written.
        """
        responses = list(responses)
        previous = await self._set(responses)
        ambiguous = [
            response._replace(decision_id=AMBIGUOUS)
            for response, known in zip(responses, previous, strict=True)
            if known not in (None, response.decision_id)
        ]
        if ambiguous:
            await self._set(ambiguous)

    async def _set(self, responses: Iterable[StoredResponse]) -> list[str | None]:
        """Write entries; return the values that they replaced."""
        pipeline = self._redis.pipeline(transaction=False)
        for response in responses:
            pipeline.set(_key(response.response_id), response.decision_id.encode(), ex=response.keep_s, get=True)
        with store_errors("responses"):
            return [_text(found) for found in await pipeline.execute()]


def _text(found: Any) -> str | None:
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def _key(response_id: str) -> str:
    # A digest, because ids may have any length and any characters.
    return keys.response(blake2b(response_id.encode(errors="surrogatepass"), digest_size=16).hexdigest())
