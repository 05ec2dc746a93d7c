"""Requests to the decision replicas, and the fallback decision when none answers."""

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
"""Reasons why no policy chose."""


class DecisionUnavailable(Exception):
    """No replica decided; ``reason`` is one of `REASONS`, a label of the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecisionClient:
    """Client of ``decide.<tier>``, with a circuit breaker for each tier."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self.fallback_topic = FallbackTopic(backends)
        self._timeout_s = backends.config.gateway.decide_timeout_ms / 1000.0
        for name in backends.tiers:  # start at 0, so that Prometheus sees the first fallback as an increase
            for reason in REASONS:
                metrics.fallbacks.labels(name, reason)
        self._warnings = {
            name: RateLimitedWarning(log, f"tier {name}", "the fallback arm serves") for name in backends.tiers
        }
        self._routes = {name: (subjects.decide(name), Breaker()) for name in backends.tiers}

    async def request_decision(self, tier: str, request: bytes) -> Message:
        """Return a replica's decision or refusal (see `refusal_status`), or raise `DecisionUnavailable`."""
        bus = self._backends.bus
        if bus is None:
            raise DecisionUnavailable("nats")
        subject, breaker = self._routes[tier]
        sent_at_s = monotonic()
        if not breaker.admits(sent_at_s, self._timeout_s):
            raise DecisionUnavailable("breaker")
        try:
            with tracing.sending("request", subject) as headers:
                answer = await bus.requests.call(subject, request, self._timeout_s, headers)
        except NoResponders as error:
            # NATS reports this at once, so the breaker stays closed and the first new replica is used at once.
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
        """Decide for the fallback arm, or for the first candidate if it does not qualify; count and publish it."""
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
        self.fallback_topic.publish(decision, reason)
        return decision


def refusal_status(answer: Message) -> int | None:
    """Return the HTTP status of a replica's refusal; None for a decision."""
    code = answer.headers.get(_ERROR_CODE) if answer.headers else None
    return None if code is None else int(code)
