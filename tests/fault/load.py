"""The client: decisions at a steady rate, their outcomes some time later, some of them twice, all in the ledger."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol

from tests.fault.cluster import DIM, TIERS
from tests.fault.http_client import Answer, HttpClient, NoAnswer
from tests.fault.ledger import Ledger, Values

DECISIONS_PER_S = float(os.environ.get("FAULT_RATE", "40"))
RETRY_S = 1.0
DRAIN_S = 60.0
GIVE_UP_S = 2.0
"""How long the same takes when the test has failed already."""
OUTCOME_STATUSES = (200, 202, 409, 503)


class Served(Protocol):
    """A gateway with the fault suite's tiers."""

    gateway_port: int


class Load:
    """Drives the gateway until it is stopped. Use as an async context manager.

    Parameters
    ----------
    cluster : Served
    ledger : Ledger
    seed : int
    rate : float
        Decisions a second; most of them get an outcome.
    """

    def __init__(self, cluster: Served, ledger: Ledger, seed: int, rate: float = DECISIONS_PER_S) -> None:
        self._client = HttpClient(cluster.gateway_port)
        self._ledger = ledger
        self._random = random.Random(seed)
        self._rate = rate
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        self._driver: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Load:
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.stop(DRAIN_S if error is None else GIVE_UP_S)
        if self._failed and error is None:
            raise self._failed[0]

    async def stop(self, within_s: float = DRAIN_S) -> None:
        """Ask for no more decisions, and wait until every outcome was answered for good."""
        self._stopping.set()
        if self._driver is not None:
            await self._driver
            self._driver = None
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=within_s)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished, timeout=within_s)
                self._ledger.wrong.append(f"{len(unfinished)} requests without a final answer within {within_s:g} s")
        self._client.close()

    async def decide(self, tier: str) -> str | None:
        """Ask for one decision; return its id."""
        context = [1.0, *(round(self._random.uniform(-1.0, 1.0), 6) for _ in range(DIM - 1))]
        asked_at_s = time.time()
        try:
            answer = await self._client.call("POST", "/v1/decisions", {"tier": tier, "context": context})
        except NoAnswer:
            self._ledger.unanswered.append(asked_at_s)
            return None
        self._count("decisions", answer, (200,))
        if answer.status != 200:
            return None
        decision = answer.json()
        self._ledger.add_decision(decision, asked_at_s, time.time())
        return str(decision["decision_id"])

    async def report(self, decision_id: str, values: Values) -> int:
        """Report an outcome, again and again until it is answered for good; return the status."""
        while True:
            try:
                answer = await self._client.call("POST", "/v1/outcomes", {"decision_id": decision_id, **values})
            except NoAnswer:
                await asyncio.sleep(RETRY_S)
                continue
            self._count("outcomes", answer, OUTCOME_STATUSES)
            if answer.status != 503:
                self._ledger.add_outcome(decision_id, values, answer.status)
                return answer.status
            await asyncio.sleep(float(answer.headers.get("retry-after", RETRY_S)))

    def values(self) -> Values:
        """Return the measurements of an outcome."""
        draw = self._random
        if draw.random() < 0.1:
            return {"reward": round(draw.uniform(0.0, 100.0), 3)}
        values = {"quality": round(draw.uniform(0.0, 100.0), 3)}
        if draw.random() < 0.9:
            values["cost_usd"] = round(draw.expovariate(200.0), 8)
        if draw.random() < 0.9:
            values["latency_ms"] = round(draw.lognormvariate(6.0, 1.0), 3)
        return values

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while not self._stopping.is_set():
            self._spawn(self._life(self._random.choice(TIERS)))
            next_at = max(next_at + self._random.expovariate(self._rate), loop.time() - 1.0)
            await asyncio.sleep(max(0.0, next_at - loop.time()))

    async def _life(self, tier: str) -> None:
        """Request a decision and report its outcome: at once or later, once or twice, equal or not."""
        draw = self._random
        delay_s, kind = min(draw.expovariate(4.0), 1.2), draw.random()
        decision_id = await self.decide(tier)
        if decision_id is None or kind < 0.1:
            return
        if not self._stopping.is_set():
            await asyncio.sleep(delay_s)
        values = self.values()
        reports = [self.report(decision_id, values)]
        if kind < 0.15:
            reports.append(self.report(decision_id, values))
        elif kind < 0.2:
            reports.append(self.report(decision_id, self.values()))
        await asyncio.gather(*reports)

    def _count(self, route: str, answer: Answer, expected: tuple[int, ...]) -> None:
        self._ledger.statuses[route, answer.status] += 1
        if answer.status not in expected:
            self._ledger.wrong.append(f"{route}: {answer.status} {answer.body[:200]!r}")
        elif answer.status == 503 and "retry-after" not in answer.headers:
            self._ledger.wrong.append(f"{route}: 503 without Retry-After")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)
