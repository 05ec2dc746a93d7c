"""Joining a decision with its outcome: an outcome record has everything that learning needs."""

import asyncio
import time

from pointsman.contracts.messages.decision import DecisionEvent
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.outcome import Outcome, estimate_of
from pointsman.runtime.breaker import Breaker
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.api.decisions.log import read_decision
from pointsman_gateway.api.outcomes.log import find_applied_outcome
from pointsman_gateway.backends import QUICK_TIMEOUT_MS, Backends

_STORE_PAUSE_S = 1.0


class OutcomeJoiner:
    """Makes outcome records from decisions of the log."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0
        self._store_breaker = Breaker(_STORE_PAUSE_S)

    async def join(self, bus: Bus, decision_id: str, decision: DecisionId) -> Outcome:
        """Return the outcome record of a decision, without measurements.

        The outcome of a decision that no policy made is recorded and never learned from. The same holds for an arm
        that a chat client named itself. Raise a 404 or 410 when the log does not have the decision.
        """
        now_ms = int(time.time() * 1000)
        if decision.degraded:
            return Outcome(
                decision_id=decision_id,
                tier=decision.tier,
                learn=False,
                accepted_at_ms=now_ms,
                rule=self._backends.rules.rule(decision.tier),
            )
        event, _ = await read_decision(bus, decision, self._timeout_s)
        return Outcome(
            decision_id=decision_id,
            tier=event.tier,
            provider=event.provider,
            model=event.model,
            learn=not _is_direct(event),
            decision_sequence=decision.sequence or 0,
            context=event.context,
            propensity=event.propensity,
            policy=event.policy,
            policy_version=event.policy_version,
            decided_at_ms=event.decided_at_ms,
            accepted_at_ms=int(time.time() * 1000),
            rule=self._backends.rules.rule(event.tier),
            estimate=estimate_of(event.provider, event.model, event.scores),
        )

    async def find_applied(self, bus: Bus, decision_id: str, decision: DecisionId) -> Outcome | None:
        """Return the outcome that was already learned from, if the store answers quickly.

        This serves the caller only, because the log remembers a message id for two minutes. The reward-updater, and
        not this check, ensures that nothing is learned twice.
        """
        now_s = asyncio.get_running_loop().time()
        if decision.sequence is None or not self._store_breaker.admits(now_s, QUICK_TIMEOUT_MS / 1000.0):
            return None
        try:
            applied = await find_applied_outcome(
                self._backends.quick_store, bus, decision_id, decision.tier, decision.sequence, self._timeout_s
            )
        except StateError:
            self._store_breaker.failed(now_s, asyncio.get_running_loop().time())
            return None
        self._store_breaker.succeeded(asyncio.get_running_loop().time())
        return applied.outcome if applied else None


def _is_direct(event: DecisionEvent) -> bool:
    return event.pinned and len(event.scores) == 1 and (event.metadata or {}).get("direct") is True
