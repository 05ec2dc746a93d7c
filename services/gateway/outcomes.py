"""``POST /v1/outcomes``: join the outcome with its decision, and append it to the log that learning is made from."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Receive, Scope

from pointsman.bus import Bus
from pointsman.messages import subjects
from pointsman.messages.codec import encode
from pointsman.messages.ids import DecisionId, parse_id
from pointsman.messages.outcome import Outcome, OutcomeAccepted, OutcomeReport, report_decoder
from pointsman.messages.validation import check_report
from pointsman.observability import metrics
from pointsman.state import StateError
from services.gateway.backends import QUICK_MS, Backends
from services.gateway.body import decode_body, read_body
from services.gateway.breaker import Breaker
from services.gateway.decision_log import read_decision
from services.gateway.outcome_index import find_applied, read_outcome
from services.gateway.problems import ProblemError
from services.gateway.replies import Reply

ALREADY_ACCEPTED = "already_accepted"
_STORE_PAUSE_S = 1.0


class Outcomes:
    """Accepts outcomes.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        config = backends.config
        self._backends = backends
        self._max_bytes = config.gateway.max_body_bytes
        self._timeout_s = config.gateway.log_timeout_ms / 1000.0
        self._rule = config.reward.rule()
        self._store_breaker = Breaker(_STORE_PAUSE_S)

    async def __call__(self, scope: Scope, receive: Receive) -> Reply:
        """Answer one request."""
        report = decode_body(report_decoder, await read_body(scope, receive, self._max_bytes))
        decision = parse_id(report.decision_id)
        check_report(report)
        self._backends.require_tier(decision.tier, "decision_id")
        bus = self._backends.require_bus()
        if decision.degraded:
            outcome = self._unlearned(report, decision)
        else:
            outcome = await self._joined(bus, report, decision)
            applied = await self._applied_before(bus, report.decision_id, decision)
            if applied is not None:
                return _seen_before(report, applied)
        return await self._append(bus, report, outcome)

    def _unlearned(self, report: OutcomeReport, decision: DecisionId) -> Outcome:
        """Return the outcome of a decision that no policy made: recorded, never learned from."""
        return Outcome(
            decision_id=report.decision_id,
            tier=decision.tier,
            learn=False,
            accepted_at_ms=int(time.time() * 1000),
            quality=report.quality,
            cost_usd=report.cost_usd,
            latency_ms=report.latency_ms,
            reward=report.reward,
            rule=self._rule,
        )

    async def _joined(self, bus: Bus, report: OutcomeReport, decision: DecisionId) -> Outcome:
        """Return the outcome with everything that learning from it needs, out of the decision log."""
        event, _ = await read_decision(bus, decision, self._timeout_s)
        return Outcome(
            decision_id=report.decision_id,
            tier=event.tier,
            provider=event.provider,
            model=event.model,
            decision_sequence=decision.sequence or 0,
            context=event.context,
            propensity=event.propensity,
            policy=event.policy,
            policy_version=event.policy_version,
            decided_at_ms=event.decided_at_ms,
            accepted_at_ms=int(time.time() * 1000),
            quality=report.quality,
            cost_usd=report.cost_usd,
            latency_ms=report.latency_ms,
            reward=report.reward,
            rule=self._rule,
        )

    async def _applied_before(self, bus: Bus, decision_id: str, decision: DecisionId) -> Outcome | None:
        """Return the outcome that was learned from already, when the store can tell quickly.

        This is for the caller's sake: the log remembers a message id for two minutes only. That nothing is learned
        twice is the reward-updater's doing, not this look-up's.
        """
        now_s = asyncio.get_running_loop().time()
        if decision.sequence is None or not self._store_breaker.admits(now_s, QUICK_MS / 1000.0):
            return None
        try:
            found = await find_applied(
                self._backends.quick_store, bus, decision_id, decision.tier, decision.sequence, self._timeout_s
            )
        except StateError:
            self._store_breaker.failed(now_s, asyncio.get_running_loop().time())
            return None
        self._store_breaker.succeeded(asyncio.get_running_loop().time())
        return found.outcome if found else None

    async def _append(self, bus: Bus, report: OutcomeReport, outcome: Outcome) -> Reply:
        stored = await bus.append(
            subjects.outcomes(outcome.tier), encode(outcome), self._timeout_s, {"Nats-Msg-Id": report.decision_id}
        )
        if stored.duplicate:
            before = await read_outcome(bus, stored.sequence, self._timeout_s)
            if before is not None:
                return _seen_before(report, before)
        else:
            metrics.outcomes_accepted.labels(outcome.tier, "true" if outcome.learn else "false").inc()
        return Reply(202, encode(OutcomeAccepted(decision_id=report.decision_id)))


def _seen_before(report: OutcomeReport, stored: Outcome) -> Reply:
    """The same again is fine, and changes nothing; something else for the same decision is a conflict."""
    for name in ("quality", "cost_usd", "latency_ms", "reward"):
        if getattr(report, name) != getattr(stored, name):
            raise ProblemError(409, f"this decision has an outcome with another {name}; the first one stays", name)
    return Reply(200, encode(OutcomeAccepted(decision_id=report.decision_id, status=ALREADY_ACCEPTED)))
