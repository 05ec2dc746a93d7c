"""Index from the id of an answer to its decision, for feedback from clients that do not know the decision id.

Only answers that wait for feedback are indexed, for twice as long as they wait: in memory, so that feedback sent to
this gateway at once finds them, and in the store for all gateways.
"""

import math

from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.feedback import MAX_RESPONSE_ID
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.outcome.response_store import AMBIGUOUS, ResponseStore, StoredResponse
from pointsman_gateway.chat.write_behind_cache import WriteBehindCache

MAX_REMEMBERED = 10_000
WRITE_INTERVAL_S = 0.02


class AmbiguousResponse(Exception):
    """More than one answer has this id."""


class ResponseIndex:
    """Remembers the decision of each answer by the id of the answer."""

    def __init__(self, backends: Backends) -> None:
        self._wait_s = {tier.name: tier.reward_wait_s for tier in backends.config.tier}
        self._store = ResponseStore(backends.store)
        self._quick_store = ResponseStore(backends.quick_store)
        self._decisions = WriteBehindCache[str, str, StoredResponse](
            self._quick_store.remember, WRITE_INTERVAL_S, MAX_REMEMBERED
        )

    def remember(self, decision: Decision, response_id: str) -> None:
        """Index an answer; it is written to the store in the background."""
        wait_s = self._wait_s.get(decision.tier, 0.0)
        if not wait_s or len(response_id) > MAX_RESPONSE_ID:
            return
        known, keep_s = self._decisions.get(response_id), 2.0 * wait_s
        indexed = decision.decision_id if known in (None, decision.decision_id) else AMBIGUOUS
        stored = StoredResponse(response_id, decision.decision_id, math.ceil(keep_s))
        self._decisions.put(response_id, indexed, keep_s, stored)

    async def find(self, response_id: str) -> str | None:
        """Return the id of the decision of an answer; None when it is not, or no longer, known.

        Raise `AmbiguousResponse`, or `StateError` when the store is unavailable and this gateway does not know the
        answer.
        """
        known = self._decisions.get(response_id)
        if known is None:
            known = stored = await self._store.decision(response_id)
        else:
            try:  # another gateway may have indexed the same id
                stored = await self._quick_store.decision(response_id)
            except StateError:
                stored = None
        if known == AMBIGUOUS or stored not in (None, known):
            raise AmbiguousResponse
        return known

    async def close(self) -> None:
        """Wait until the store has all answers."""
        await self._decisions.close()
