"""Index from the id of an answer to its decision, for feedback from clients that do not know the decision id.

Only answers that wait for feedback are indexed, for twice as long as they wait: in memory, so that feedback sent to
this gateway at once finds them, and in the store for all gateways.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from time import monotonic

from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.feedback import MAX_RESPONSE_ID
from pointsman.runtime.breaker import Breaker
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.backends import QUICK_TIMEOUT_MS, Backends
from pointsman_gateway.chat.outcome.response_store import AMBIGUOUS, ResponseStore, StoredResponse

log = logger("gateway.responses")

MAX_REMEMBERED = 10_000
MAX_UNWRITTEN = 10_000
WRITE_INTERVAL_S = 0.02
STORE_PAUSE_S = 1.0


class AmbiguousResponse(Exception):
    """More than one answer has this id."""


class ResponseIndex:
    """Remembers the decision of each answer by the id of the answer."""

    def __init__(self, backends: Backends) -> None:
        self._wait_s = {tier.name: tier.reward_wait_s for tier in backends.config.tier}
        self._store = ResponseStore(backends.store)
        self._quick_store = ResponseStore(backends.quick_store)
        self._breaker = Breaker(STORE_PAUSE_S)
        self._remembered: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._unwritten: list[StoredResponse] = []
        self._write_scheduled = False
        self._writing: set[asyncio.Task[None]] = set()

    def remember(self, decision: Decision, response_id: str) -> None:
        """Index an answer; it is written to the store in the background."""
        wait_s = self._wait_s.get(decision.tier, 0.0)
        if not wait_s or len(response_id) > MAX_RESPONSE_ID:
            return
        known = self._known(response_id)
        indexed = decision.decision_id if known in (None, decision.decision_id) else AMBIGUOUS
        self._remembered[response_id] = indexed, monotonic() + 2.0 * wait_s
        self._remembered.move_to_end(response_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.append(StoredResponse(response_id, decision.decision_id, math.ceil(2.0 * wait_s)))
        if not self._write_scheduled:
            self._write_scheduled = True
            task = asyncio.create_task(self._write(), name="write responses")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def find(self, response_id: str) -> str | None:
        """Return the id of the decision of an answer; None when it is not, or no longer, known.

        Raises
        ------
        AmbiguousResponse
        StateError
            When the store is unavailable, and this gateway does not know the answer.
        """
        known = self._known(response_id)
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
        if self._writing:
            await asyncio.wait(self._writing)

    def _known(self, response_id: str) -> str | None:
        decision_id, until_s = self._remembered.get(response_id, (None, 0.0))
        return decision_id if monotonic() < until_s else None

    async def _write(self) -> None:
        await asyncio.sleep(WRITE_INTERVAL_S)
        self._write_scheduled = False
        responses, self._unwritten = self._unwritten, []
        started_s = asyncio.get_running_loop().time()
        if not self._breaker.admits(started_s, QUICK_TIMEOUT_MS / 1000.0):
            return
        try:
            await self._quick_store.remember(responses)
        except StateError as error:
            self._breaker.failed(started_s, asyncio.get_running_loop().time())
            log.debug("the store does not index answers; feedback needs a decision_id: %s", error)
        else:
            self._breaker.succeeded(asyncio.get_running_loop().time())
