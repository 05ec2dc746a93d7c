"""Asking the replicas for a decision, and what is served when there is none."""

from __future__ import annotations

from time import monotonic

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.ids import DecisionId, new_nonce
from pointsman.core.bandit import Arm
from pointsman.runtime.breaker import Breaker
from pointsman.runtime.bus import BusUnavailable, Message, NoResponders, NoResponse
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import bind_decision, logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning
from pointsman_gateway.backends import Backends
from pointsman_gateway.fallback_topic import FallbackTopic

log = logger("gateway.decisions")

_ERROR_CODE = "Nats-Service-Error-Code"

REASONS = ("nats", "breaker", "no_replica", "timeout", "replica_error", "refused", "features")
"""Why no policy chose."""


class DecisionUnavailable(Exception):
    """No replica decided; the reason is a label of the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecisionClient:
    """Asks on ``decide.<tier>``, with a breaker for each tier.

    Parameters
    ----------
    backends : Backends

    Attributes
    ----------
    fallback_topic : FallbackTopic
        Tells of what no policy chose.
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self.fallback_topic = FallbackTopic(backends)
        self._patience_s = backends.config.gateway.decide_timeout_ms / 1000.0
        for name in backends.tiers:  # at 0 from the start, so that the first one is seen as a rise
            for reason in REASONS:
                metrics.fallbacks.labels(name, reason)
        self._warnings = {
            name: RateLimitedWarning(log, f"tier {name}", "the fallback arm serves") for name in backends.tiers
        }
        self._routes = {name: (subjects.decide(name), Breaker()) for name in backends.tiers}

    async def request_decision(self, tier: str, request: bytes) -> Message:
        """Return a replica's decision or refusal (`refusal_status` tells which).

        Raises
        ------
        DecisionUnavailable
            When there is neither.
        """
        bus = self._backends.bus
        if bus is None:
            raise DecisionUnavailable("nats")
        subject, breaker = self._routes[tier]
        sent_at_s = monotonic()
        if not breaker.admits(sent_at_s, self._patience_s):
            raise DecisionUnavailable("breaker")
        try:
            with tracing.sending("request", subject) as headers:
                answer = await bus.requests.call(subject, request, self._patience_s, headers)
        except NoResponders as error:
            # NATS says so at once, so there is nothing to protect, and the first new replica is used at once.
            raise DecisionUnavailable("no_replica") from error
        except NoResponse as error:
            breaker.failed(sent_at_s, monotonic())
            raise DecisionUnavailable("timeout") from error
        except BusUnavailable as error:
            raise DecisionUnavailable("nats") from error
        code = answer.headers.get(_ERROR_CODE) if answer.headers else None
        if code is not None and not code.startswith("4"):
            breaker.failed(sent_at_s, monotonic())
            raise DecisionUnavailable("replica_error")
        answered_at_s = monotonic()
        metrics.hop_seconds.labels("gateway_decision", tier).observe(answered_at_s - sent_at_s)
        breaker.succeeded(answered_at_s)
        self._warnings[tier].recovered()
        return answer

    def fallback_decision(self, tier: str, candidates: tuple[Arm, ...], reason: str) -> Decision:
        """Return the tier's fallback arm, or the first candidate where that one does not qualify; count and tell it."""
        metrics.fallbacks.labels(tier, reason).inc()
        arm = self._backends.fallbacks[tier]
        if arm is None or arm not in candidates:
            arm = candidates[0]
        decision = Decision(
            decision_id=str(DecisionId(tier, None, new_nonce())),
            tier=tier,
            provider=arm.provider,
            model=arm.model,
            policy=None,
            policy_version=None,
            propensity=None,
            explored=False,
            degraded=True,
            stale=False,
            state_age_ms=None,
            scores=[],
        )
        bind_decision(decision.decision_id)
        self._warnings[tier].failed(f"no policy chooses ({reason})")
        self.fallback_topic.tell(decision, reason)
        return decision


def refusal_status(answer: Message) -> int | None:
    """Return the status with which a replica refused a request; None for a decision."""
    code = answer.headers.get(_ERROR_CODE) if answer.headers else None
    return None if code is None else int(code)
