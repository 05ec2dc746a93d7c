"""Which decision was behind an answer, by the answer's own id: for feedback from clients that have nothing else.

Only answers that wait for feedback are remembered, for twice as long as they wait: here for a moment, so that whoever
asks this gateway at once is answered, and in the store for all gateways.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict

from pointsman.messages.decision import Decision
from pointsman.messages.feedback import MAX_RESPONSE_ID
from pointsman.observability.logs import logger
from pointsman.resilience import Breaker
from pointsman.state import Response, ResponseStore, StateError
from services.gateway.backends import QUICK_MS, Backends

log = logger("gateway.responses")

MAX_REMEMBERED = 10_000
MAX_UNWRITTEN = 10_000
WRITE_EVERY_S = 0.02
STORE_PAUSE_S = 1.0


class ResponseIndex:
    """Remembers answers by their ids.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._wait_s = {tier.name: tier.reward_wait_s for tier in backends.config.tier}
        self._store = ResponseStore(backends.store)
        self._quick_store = ResponseStore(backends.quick_store)
        self._breaker = Breaker(STORE_PAUSE_S)
        self._remembered: OrderedDict[str, str] = OrderedDict()
        self._unwritten: list[Response] = []
        self._writing: asyncio.Task[None] | None = None

    def remember(self, decision: Decision, response_id: str) -> None:
        """Note which decision was behind an answer; the store is told in the background."""
        wait_s = self._wait_s.get(decision.tier, 0.0)
        if not wait_s or len(response_id) > MAX_RESPONSE_ID:
            return
        self._remembered[response_id] = decision.decision_id
        self._remembered.move_to_end(response_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.append(Response(response_id, decision.decision_id, math.ceil(2.0 * wait_s)))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="write responses")

    async def find(self, response_id: str) -> str | None:
        """Return the id of the decision behind an answer; None when that is not known (any more).

        Raises
        ------
        StateError
            When the store cannot be asked.
        """
        return self._remembered.get(response_id) or await self._store.decision(response_id)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        await asyncio.sleep(WRITE_EVERY_S)
        self._writing = None
        responses, self._unwritten = self._unwritten, []
        asked_s = asyncio.get_running_loop().time()
        if not self._breaker.admits(asked_s, QUICK_MS / 1000.0):
            return
        try:
            await self._quick_store.remember(responses)
        except StateError as error:
            self._breaker.failed(asked_s, asyncio.get_running_loop().time())
            log.debug("answers can be told by their decisions only: %s", error)
        else:
            self._breaker.succeeded(asyncio.get_running_loop().time())
