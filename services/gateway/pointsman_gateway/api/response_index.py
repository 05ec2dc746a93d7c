"""Which decision was behind an answer, by the answer's own id: for feedback from clients that have nothing else.

Only answers that wait for feedback are remembered, for twice as long as they wait: here, so that whoever asks this
gateway at once is answered, and in the store for all gateways.
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
from pointsman_gateway.backends import QUICK_MS, Backends
from pointsman_gateway.chat.response_store import SEVERAL, Response, ResponseStore

log = logger("gateway.responses")

MAX_REMEMBERED = 10_000
MAX_UNWRITTEN = 10_000
WRITE_EVERY_S = 0.02
STORE_PAUSE_S = 1.0


class SeveralAnswers(Exception):
    """More than one answer has had that id, so that nobody knows which is meant."""


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
        self._remembered: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._unwritten: list[Response] = []
        self._gathering = False
        self._writing: set[asyncio.Task[None]] = set()

    def remember(self, decision: Decision, response_id: str) -> None:
        """Note which decision was behind an answer; the store is told in the background."""
        wait_s = self._wait_s.get(decision.tier, 0.0)
        if not wait_s or len(response_id) > MAX_RESPONSE_ID:
            return
        known = self._known(response_id)
        meant = decision.decision_id if known in (None, decision.decision_id) else SEVERAL
        self._remembered[response_id] = meant, monotonic() + 2.0 * wait_s
        self._remembered.move_to_end(response_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.append(Response(response_id, decision.decision_id, math.ceil(2.0 * wait_s)))
        if not self._gathering:
            self._gathering = True
            task = asyncio.create_task(self._write(), name="write responses")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def find(self, response_id: str) -> str | None:
        """Return the id of the decision behind an answer; None when that is not known (any more).

        Raises
        ------
        SeveralAnswers
        StateError
            When the store cannot be asked, and this gateway does not know.
        """
        known = self._known(response_id)
        if known is None:
            known = stored = await self._store.decision(response_id)
        else:
            try:  # another gateway may have had it, too
                stored = await self._quick_store.decision(response_id)
            except StateError:
                stored = None
        if known == SEVERAL or stored not in (None, known):
            raise SeveralAnswers
        return known

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _known(self, response_id: str) -> str | None:
        decision_id, until_s = self._remembered.get(response_id, (None, 0.0))
        return decision_id if monotonic() < until_s else None

    async def _write(self) -> None:
        await asyncio.sleep(WRITE_EVERY_S)
        self._gathering = False
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
