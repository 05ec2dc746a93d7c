"""Where measured requests go, in the background, for as long as it takes within a bound.

Where the tier waits for feedback that is the stream that things wait in, else the outcome log itself (ADR 0015).
"""

from __future__ import annotations

import asyncio
import random
from time import monotonic

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import Measured
from pointsman.contracts.messages.outcome import Outcome
from pointsman.runtime.bus import BusError
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.api.outcomes.log import append_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.judging import Judge
from pointsman_gateway.chat.measuring import Exchange, measure

log = logger("gateway.llm.sink")

MAX_WAITING = 10_000
"""Outcomes that wait for NATS at most, each some 2 KB; further ones are lost, and counted."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
SAY_AGAIN_S = 1.0
"""Losses are all counted, but not all logged."""


class OutcomeSink:
    """Takes what has ended; never makes a client wait.

    Parameters
    ----------
    backends : Backends
    judge : Judge
    responses : ResponseIndex
        Told which decision was behind an answer, for feedback that names the answer.
    """

    def __init__(self, backends: Backends, judge: Judge, responses: ResponseIndex) -> None:
        config = backends.config
        self._backends = backends
        self._judge = judge
        self._responses = responses
        self._wait_ms = {tier.name: round(tier.reward_wait_s * 1000.0) for tier in config.tier}
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        for tier in backends.tiers:  # at 0 from the start, so that the first one is seen as a rise
            metrics.llm_outcomes_lost.labels(tier)
        self._retry_s = config.llm.outcome_retry_s
        self._working: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._said_at_s = float("-inf")

    def put(self, exchange: Exchange) -> None:
        """Take a request that has ended; returns at once."""
        if exchange.completion is not None and exchange.completion.response_id:
            self._responses.remember(exchange.decision, exchange.completion.response_id)
        if len(self._working) >= MAX_WAITING:
            self._lose(exchange.decision.tier, "too many outcomes wait for NATS")
            return
        task = asyncio.create_task(self._deliver(exchange))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def drain(self, patience_s: float) -> None:
        """Deliver what waits; after the time, or when NATS does not take it now, count it as lost."""
        self._closing.set()
        if self._working:
            _, late = await asyncio.wait(self._working, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, exchange: Exchange) -> None:
        tier = exchange.decision.tier
        try:
            await self._judge.ready()
            outcome = measure(exchange, self._backends.rules.rule(tier), self._judge.judge(exchange))
            del exchange  # the request's body with it: only the outcome waits for NATS
            await self._append(outcome)
        except BusError as error:
            self._lose(tier, str(error))
        except asyncio.CancelledError:
            self._lose(tier, "the gateway stops")
            raise
        except Exception:  # nobody waits for this task: what is wrong must be said here
            log.exception("an answer could not be measured")
            metrics.llm_outcomes_lost.labels(tier).inc()

    async def _append(self, outcome: Outcome) -> None:
        """Append, again and again until the time is up; the same message id each time."""
        deadline_s, pause_s = monotonic() + self._retry_s, FIRST_PAUSE_S
        while True:
            try:
                await self._append_once(outcome)
            except BusError:
                if self._closing.is_set() or monotonic() + pause_s > deadline_s:
                    raise
            else:
                return
            await self._pause(pause_s * random.uniform(0.75, 1.25))
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    async def _append_once(self, outcome: Outcome) -> None:
        bus, wait_ms = self._backends.require_bus(), self._wait_ms.get(outcome.tier, 0)
        if not wait_ms:
            await append_outcome(bus, outcome, self._timeout_s)
            return
        subject, headers = subjects.feedback(outcome.tier), {"Nats-Msg-Id": f"measured.{outcome.decision_id}"}
        waiting = encode(Measured(outcome=outcome, wait_ms=wait_ms))
        with tracing.sending("append", subject, {"pointsman.decision_id": outcome.decision_id}) as traced:
            await bus.append(subject, waiting, self._timeout_s, headers | traced if traced else headers)

    async def _pause(self, pause_s: float) -> None:
        """Wait; no longer than until the gateway is to stop, for one last try."""
        try:
            await asyncio.wait_for(self._closing.wait(), pause_s)
        except TimeoutError:
            return

    def _lose(self, tier: str, why: str) -> None:
        metrics.llm_outcomes_lost.labels(tier).inc()
        if monotonic() - self._said_at_s > SAY_AGAIN_S:
            self._said_at_s = monotonic()
            log.error("an outcome of tier %s is lost: %s", tier, why)
