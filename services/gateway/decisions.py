"""``POST /v1/decisions``: the hot path. Validate, ask a replica, hand its answer on; or serve the fallback arm."""

from __future__ import annotations

from time import monotonic

from nats.aio.msg import Msg
from starlette.types import Receive, Scope

from pointsman.bandit import Arm
from pointsman.bus import BusUnavailable, NoAnswer, NoResponders
from pointsman.messages import subjects
from pointsman.messages.codec import encode
from pointsman.messages.decision import Decision, request_decoder
from pointsman.messages.ids import DecisionId, new_nonce
from pointsman.messages.problem import CONTENT_TYPE
from pointsman.messages.validation import check_request
from pointsman.observability import metrics
from services.gateway.backends import Backends
from services.gateway.body import decode_body, read_body
from services.gateway.breaker import Breaker
from services.gateway.replies import Reply

_ERROR_CODE = "Nats-Service-Error-Code"


class _Unanswered(Exception):
    """No replica decided; the reason is a label of the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decisions:
    """Answers decision requests.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        config = backends.config
        self._backends = backends
        self._tiers = backends.tiers
        self._dim = config.context.dim
        self._mismatch = config.context.mismatch
        self._max_bytes = config.gateway.max_body_bytes
        self._patience_s = config.gateway.decide_timeout_ms / 1000.0
        self._routes = {name: (subjects.decide(name), Breaker()) for name in self._tiers}

    async def __call__(self, scope: Scope, receive: Receive) -> Reply:
        """Answer one request."""
        body = await read_body(scope, receive, self._max_bytes)
        request = decode_body(request_decoder, body)
        candidates, _ = check_request(request, self._tiers, self._dim, self._mismatch)
        try:
            answer = await self._ask(request.tier, body)
        except _Unanswered as unanswered:
            return self._fallback(request.tier, candidates, unanswered.reason)
        code = answer.headers.get(_ERROR_CODE) if answer.headers else None
        return Reply(200, answer.data) if code is None else Reply(int(code), answer.data, CONTENT_TYPE)

    async def _ask(self, tier: str, body: bytes) -> Msg:
        """Return a replica's decision or refusal; raise `_Unanswered` where there is neither."""
        bus = self._backends.bus
        if bus is None:
            raise _Unanswered("nats")
        subject, breaker = self._routes[tier]
        sent_at_s = monotonic()
        if not breaker.admits(sent_at_s, self._patience_s):
            raise _Unanswered("breaker")
        try:
            answer = await bus.requests.call(subject, body, self._patience_s)
        except NoResponders as error:
            # NATS says so at once, so there is nothing to protect, and the first new replica is used at once.
            raise _Unanswered("no_replica") from error
        except NoAnswer as error:
            breaker.failed(sent_at_s, monotonic())
            raise _Unanswered("timeout") from error
        except BusUnavailable as error:
            raise _Unanswered("nats") from error
        code = answer.headers.get(_ERROR_CODE) if answer.headers else None
        if code is not None and not code.startswith("4"):
            breaker.failed(sent_at_s, monotonic())
            raise _Unanswered("replica_error")
        breaker.succeeded(monotonic())
        return answer

    def _fallback(self, tier: str, candidates: tuple[Arm, ...], reason: str) -> Reply:
        """Serve the tier's fallback arm, or the first candidate where that one does not qualify."""
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
        return Reply(200, encode(decision))
