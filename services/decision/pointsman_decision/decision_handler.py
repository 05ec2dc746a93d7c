"""Handler of ``decide.<tier>``: validate, score, draw, log, respond. Waiting requests are scored together."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import (
    Decision,
    DecisionRecord,
    DecisionRequest,
    encode_decision,
    request_decoder,
    with_id,
)
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import DecisionId, new_nonce
from pointsman.contracts.messages.problem import Problem
from pointsman.contracts.messages.status import StatusProblem
from pointsman.contracts.messages.validation import check_request
from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus, BusError, Message, read_ack
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.instruments import ArmMetric, Counter, Histogram
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.tracing import Span
from pointsman_decision.distribution import Pin
from pointsman_decision.problems import invalid_request, send_problem
from pointsman_decision.pull_notices import PullNotices
from pointsman_decision.tier import Choice, LivePolicy, Tier

log = logger("decision")

PROBLEM_LASTS_S = 60.0


class _Waiting(NamedTuple):
    """A request that was received and not yet scored."""

    reply: str
    data: bytes
    arrived_s: float
    span: Span | None = None


class _Valid(NamedTuple):
    """A request that is valid."""

    waiting: _Waiting
    request: DecisionRequest
    context: list[float]


class _Decided(NamedTuple):
    """A decision that was sent to the log."""

    waiting: _Waiting
    decision: Decision
    nonce: str
    event: bytes
    response: bytes
    learned_high: int
    acknowledged: asyncio.Future[Message]
    sent_s: float
    appending: Span | None


@lru_cache(maxsize=1024)
def _decision_metrics(tier: str, policy: str, explored: bool) -> tuple[Counter, Histogram, Histogram]:
    """Return the metrics of a decision; three look-ups of their labels would cost more than the counting."""
    return (
        metrics.decisions.labels(tier, policy, str(explored).lower()),
        metrics.decision_seconds.labels(tier),
        metrics.propensity.labels(tier),
    )


def _end_span(span: Span, decision: Decision, decision_id: str) -> None:
    """End a decision's span with the attributes of the decision."""
    age_ms = decision.state_age_ms
    tracing.end(
        span,
        {
            "pointsman.decision_id": decision_id,
            "pointsman.tier": decision.tier,
            "pointsman.arm": f"{decision.provider}:{decision.model}",
            "pointsman.policy": decision.policy or "",
            "pointsman.policy_version": decision.policy_version or 0,
            "pointsman.propensity": decision.propensity or 0.0,
            "pointsman.explored": decision.explored,
            **({} if age_ms is None else {"pointsman.state_age_ms": age_ms}),
        },
    )


def _pins(valid: list[_Valid]) -> list[Pin | None]:
    """Return for each request the arm that it is pinned to, if any."""
    return [
        None
        if (pinned := item.request.pinned) is None
        else Pin(Arm(pinned.provider, pinned.model), item.request.switching_cost)
        for item in valid
    ]


class DecisionHandler:
    """Respond to requests on ``decide.<tier>``."""

    def __init__(self, bus: Bus, tiers: Mapping[str, Tier], pulls: PullNotices, config: Config) -> None:
        self._bus = bus
        self._tiers = tiers
        self._pulls = pulls
        self._arms = {tier.name: tier_arms(tier) for tier in config.tier}
        self._arm_decisions = ArmMetric(metrics.arm_decisions, self._arms)
        self._context = config.context
        self._log_timeout_s = config.decision.log_timeout_ms / 1000.0
        self._stale_after_ms = config.decision.stale_after_ms
        self._max_batch = config.decision.max_batch
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._put_back: dict[str, tuple[float, str]] = {}
        """For each tier whose decision log was put back: when a decision was last refused (monotonic), and the text."""
        self.decided = 0
        self.failed = 0

    async def handle(self, message: Message) -> None:
        """Accept a request. It is scored together with all that arrive before the next turn of the event loop."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
        span = None if tracing.active is None else tracing.active.received("process", message.subject, message.headers)
        self._waiting.append(_Waiting(message.reply, message.data, time.perf_counter(), span))

    def statistics(self) -> dict[str, int]:
        """Return the counts for NATS's statistics of the endpoint."""
        return {"decided": self.decided, "failed": self.failed}

    def requests(self) -> tuple[int, int]:
        """Return the number of requests answered, and the number of those answered with an error."""
        return self.decided + self.failed, self.failed

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the tiers that were refused in the last minute because their decision log was put back."""
        for tier, (at_s, detail) in self._put_back.items():
            if time.monotonic() - at_s < PROBLEM_LASTS_S:
                yield StatusProblem(kind="log-put-back", subject=f"tier {tier}", text=detail, serious=True)

    async def finish(self) -> None:
        """Wait until every accepted request has its response."""
        while self._waiting or self._tasks:
            await asyncio.sleep(0)
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        for at in range(0, len(waiting), self._max_batch):
            task = asyncio.create_task(self._decide(waiting[at : at + self._max_batch]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _decide(self, batch: list[_Waiting]) -> None:
        groups: defaultdict[tuple[str, tuple[Arm, ...]], list[_Valid]] = defaultdict(list)
        for waiting in batch:
            try:
                request = decode(request_decoder, waiting.data)
                candidates, context = check_request(request, self._arms, self._context.dim, self._context.mismatch)
            except InvalidMessage as error:
                metrics.decisions_refused.labels("invalid").inc()
                await self._respond_problem(waiting, invalid_request(error))
                continue
            groups[request.tier, candidates].append(_Valid(waiting, request, context))
        decided: list[_Decided] = []
        for (name, candidates), valid in groups.items():
            decided += await self._decide_group(self._tiers[name], candidates, valid)
        for item in decided:
            await self._respond(item)

    async def _decide_group(self, tier: Tier, candidates: tuple[Arm, ...], valid: list[_Valid]) -> list[_Decided]:
        """Score, draw, and send to the log; respond with an error to requests whose decision could not be sent."""
        live = tier.live
        try:
            choices = tier.choose(candidates, [item.context for item in valid], _pins(valid))
        except Exception as error:  # a policy plug-in may raise anything; the gateway then serves the fallback arm
            log.exception("policy %s of tier %s failed", live.spec.name, tier.name)
            for item in valid:
                await self._fail(item.waiting, "policy-failed", f"policy {live.spec.name} failed: {error}")
            return []
        await self._pulls.publish(tier)
        age_ms = tier.age_ms()
        metrics.batch_size.labels(tier.name).observe(len(valid))
        now_ms = int(time.time() * 1000)
        subject = subjects.decision_log(tier.name)
        sent_s = time.perf_counter()
        learned_high = tier.decision_high  # read before the append, so that it cannot include a later decision
        decided = []
        for item, choice in zip(valid, choices, strict=True):
            decision = self._decision(tier, live, choice, age_ms)
            record = DecisionRecord(
                nonce=new_nonce(),
                decided_at_ms=now_ms,
                algorithm=live.spec.algorithm,
                parameters=live.spec.parameters,
                policy_identity=live.identity,
                exploration=live.policy.exploration,
                draw=choice.draw,
                state_watermark=tier.watermark,
                context=item.context,
                metadata=item.request.metadata,
            )
            event, response = encode_decision(decision, record)
            try:
                appending, headers = tracing.step(item.waiting.span, "append", subject)
                future = await self._bus.requests.send(subject, event, self._log_timeout_s, headers)
            except BusError as error:
                await self._fail(item.waiting, "log-unreachable", str(error))
                continue
            decided.append(
                _Decided(item.waiting, decision, record.nonce, event, response, learned_high, future, sent_s, appending)
            )
        return decided

    def _decision(self, tier: Tier, live: LivePolicy, choice: Choice, age_ms: int | None) -> Decision:
        """Return the decision without its id, which contains the log's sequence."""
        return Decision(
            decision_id="",
            tier=tier.name,
            provider=choice.arm.provider,
            model=choice.arm.model,
            policy=live.spec.name,
            policy_version=live.version,
            propensity=choice.propensity,
            explored=choice.explored,
            degraded=False,
            stale=age_ms is None or age_ms > self._stale_after_ms,
            state_age_ms=age_ms,
            scores=choice.scores,
            pinned=choice.pinned,
            held_back=[str(arm) for arm in choice.held_back],
        )

    async def _respond(self, item: _Decided) -> None:
        """Respond after the log has acknowledged the decision (P1), then publish the event to subscribers."""
        decision = item.decision
        try:
            sequence = read_ack(await item.acknowledged).sequence
        except BusError as error:
            tracing.end(item.appending, error=str(error))
            await self._fail(item.waiting, "log-unreachable", f"the decision log did not accept the decision: {error}")
            return
        metrics.hop_seconds.labels("decision_log", decision.tier).observe(time.perf_counter() - item.sent_s)
        tracing.end(item.appending)
        if sequence <= item.learned_high:
            # Another decision had this sequence, and its outcome was applied: an outcome of this one would be refused.
            detail = f"the decision log is at {sequence}; it was put back, as {item.learned_high} was learned from"
            log.error("tier %s: %s", decision.tier, detail)
            self._put_back[decision.tier] = (time.monotonic(), detail)
            await self._fail(item.waiting, "log-put-back", detail)
            return
        decision_id = str(DecisionId(decision.tier, sequence, item.nonce))
        try:
            if item.waiting.reply:
                await self._bus.publish(item.waiting.reply, with_id(item.response, decision_id))
            topic, headers = subjects.decision_topic(decision.tier), tracing.headers(item.waiting.span)
            await self._bus.publish(topic, with_id(item.event, decision_id), headers)
        except BusError as error:
            log.debug("cannot respond: %s", error)
        self.decided += 1
        counter, seconds, propensity = _decision_metrics(decision.tier, decision.policy or "", decision.explored)
        counter.inc()
        seconds.observe(time.perf_counter() - item.waiting.arrived_s)
        propensity.observe(decision.propensity or 0.0)
        self._arm_decisions.labels(decision.tier, decision.provider, decision.model).inc()
        if item.waiting.span is not None:
            _end_span(item.waiting.span, decision, decision_id)

    async def _fail(self, waiting: _Waiting, reason: str, detail: str) -> None:
        self.failed += 1
        metrics.decisions_refused.labels(reason).inc()
        await self._respond_problem(waiting, Problem(title="No decision could be made", status=503, detail=detail))

    async def _respond_problem(self, waiting: _Waiting, problem: Problem) -> None:
        tracing.end(waiting.span, error=problem.detail)
        if waiting.reply:
            await send_problem(self._bus, waiting.reply, problem)
