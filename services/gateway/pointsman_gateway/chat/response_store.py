"""Which decision was behind an answer, by the answer's own id: so that feedback can name what clients have at hand.

Ids are what providers make of them, and some make few: Ollama's are ``chatcmpl-`` and one of 999 numbers. So one that
two answers have had means neither of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store

SEVERAL = ""
"""In place of a decision's id: more than one answer has had that id."""


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
        """Return the id of the decision behind an answer, or `SEVERAL`; None when that is not known (any more).

        Raises
        ------
        StoreUnavailable
        """
        with store_errors("response"):
            found = await self._redis.get(_key(response_id))
        return _text(found)

    async def remember(self, responses: Iterable[Response]) -> None:
        """Write entries, in one go; those with an id that another answer has had are marked as `SEVERAL` in a second.

        Raises
        ------
        StoreUnavailable
            Some may be written.
        """
        responses = list(responses)
        before = await self._set(responses)
        several = [
            response._replace(decision_id=SEVERAL)
            for response, known in zip(responses, before, strict=True)
            if known not in (None, response.decision_id)
        ]
        if several:
            await self._set(several)

    async def _set(self, responses: Iterable[Response]) -> list[str | None]:
        """Write entries; return what was in their places."""
        pipeline = self._redis.pipeline(transaction=False)
        for response in responses:
            pipeline.set(_key(response.response_id), response.decision_id.encode(), ex=response.keep_s, get=True)
        with store_errors("responses"):
            return [_text(found) for found in await pipeline.execute()]


def _text(found: Any) -> str | None:
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def _key(response_id: str) -> str:
    # Of a fixed length and harmless, whatever the id is.
    return keys.response(blake2b(response_id.encode(errors="surrogatepass"), digest_size=16).hexdigest())
