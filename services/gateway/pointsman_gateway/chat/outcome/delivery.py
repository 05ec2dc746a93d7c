"""Delivers outcomes to NATS in the background, with retries for a bounded time.

Where the tier waits for feedback the outcome goes to the stream of pending feedback, otherwise to the outcome log
(ADR 0015).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from time import monotonic

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import PendingOutcome
from pointsman.contracts.messages.outcome import Outcome
from pointsman.runtime.bus import BusError
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.api.outcomes.log import append_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.call import ChatCall
from pointsman_gateway.chat.outcome.grading import AnswerGrader
from pointsman_gateway.chat.outcome.outcome import build_outcome

log = logger("gateway.chat.delivery")

MAX_PENDING = 10_000
"""Most outcomes that wait for NATS, about 2 KB each; further ones are lost, and counted."""
FIRST_RETRY_DELAY_S = 0.25
MAX_RETRY_DELAY_S = 5.0
LOG_REPEAT_INTERVAL_S = 1.0
"""Every loss is counted, but losses are logged at intervals."""


class OutcomeDelivery:
    """Accepts calls that have ended; never makes a client wait. Feedback may name the response: see `ResponseIndex`."""

    def __init__(self, backends: Backends, grader: AnswerGrader, responses: ResponseIndex) -> None:
        config = backends.config
        self._backends = backends
        self._grader = grader
        self._responses = responses
        self._wait_ms = {tier.name: round(tier.reward_wait_s * 1000.0) for tier in config.tier}
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        for tier in backends.tiers:  # 0 from the start, so that the first loss shows as an increase
            metrics.llm_outcomes_lost.labels(tier)
        self._retry_s = config.llm.outcome_retry_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._logged_at_s = float("-inf")

    def submit(self, call: ChatCall) -> None:
        """Deliver the outcome of a call that has ended; returns at once."""
        if len(self._tasks) >= MAX_PENDING:
            self._count_lost(call.decision.tier, "too many outcomes wait for NATS")
            return
        task = asyncio.create_task(self._deliver(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if call.completion is not None and call.completion.response_id:
            self._responses.remember(call.decision, call.completion.response_id)

    async def drain(self, timeout_s: float) -> None:
        """Deliver what is pending; count as lost what NATS does not accept now or within the timeout."""
        self._closing.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, call: ChatCall) -> None:
        tier = call.decision.tier
        try:
            await self._grader.load()
            outcome = build_outcome(call, self._backends.rules.rule(tier), self._grader.assess(call))
            del call  # and the body of the request: only the outcome waits for NATS
            await self._append(outcome)
        except BusError as error:
            self._count_lost(tier, str(error))
        except asyncio.CancelledError:
            self._count_lost(tier, "the gateway stops")
            raise
        except Exception:  # nothing awaits this task, so its failure is logged here
            log.exception("the outcome of an answer could not be built")
            metrics.llm_outcomes_lost.labels(tier).inc()

    async def _append(self, outcome: Outcome) -> None:
        """Append with retries until the time is up; the message id is the same each time."""
        deadline_s, delay_s = monotonic() + self._retry_s, FIRST_RETRY_DELAY_S
        while True:
            try:
                await self._append_once(outcome)
            except BusError:
                if self._closing.is_set() or monotonic() + delay_s > deadline_s:
                    raise
            else:
                return
            with suppress(TimeoutError):  # wakes when the gateway stops, for a last try
                await asyncio.wait_for(self._closing.wait(), delay_s * random.uniform(0.75, 1.25))
            delay_s = min(2.0 * delay_s, MAX_RETRY_DELAY_S)

    async def _append_once(self, outcome: Outcome) -> None:
        bus, wait_ms = self._backends.require_bus(), self._wait_ms.get(outcome.tier, 0)
        if not wait_ms:
            await append_outcome(bus, outcome, self._timeout_s)
            return
        subject, headers = subjects.feedback(outcome.tier), {"Nats-Msg-Id": f"measured.{outcome.decision_id}"}
        pending = encode(PendingOutcome(outcome=outcome, wait_ms=wait_ms))
        with tracing.sending("append", subject, {"pointsman.decision_id": outcome.decision_id}) as traced:
            await bus.append(subject, pending, self._timeout_s, headers | traced if traced else headers)

    def _count_lost(self, tier: str, why: str) -> None:
        metrics.llm_outcomes_lost.labels(tier).inc()
        if monotonic() - self._logged_at_s > LOG_REPEAT_INTERVAL_S:
            self._logged_at_s = monotonic()
            log.error("an outcome of tier %s is lost: %s", tier, why)
