"""Attempts of a call: the chosen arm first, then the others in the policy's order, until one answers.

An attempt includes the retries at the same provider (`pointsman.llm.providers.retry_policy`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import perf_counter

from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.outcome import Attempt
from pointsman.core.bandit import Arm
from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.failure import NOT_SENT, GatewayLimit, ProviderError
from pointsman.llm.providers.faults.fault import Fault
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.bus.status_problems import CLIENTS_FAULT
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.http.problems import gateway_limit

DEFAULT_ATTEMPTS = LlmConfig().max_attempts


class Attempts:
    """The attempts of one call.

    Attributes
    ----------
    made: Those that have ended, in order, as the outcome reports them.
    tries: Number of requests to providers, retries included.
    waited_s: Time spent waiting for providers.
    started_s: When the last attempt started, by `perf_counter`.
    answer: The answer for the client.
    served: The arm that returned it.
    gateway_failed: The attempts ended at a limit of the gateway.
    excused: The first arm refused the request, another one answered, and the first is no candidate for such requests
        any more: nothing is learned from its refusal.
    """

    def __init__(
        self, providers: Providers, request: ChatRequest, order: Sequence[Arm], max_attempts: int = DEFAULT_ATTEMPTS
    ) -> None:
        self._providers = providers
        self.request = request
        self._order = order
        self._max_attempts = max_attempts
        self.made: list[Attempt] = []
        self.tries = 0
        self.waited_s = 0.0
        self.started_s = 0.0
        self.answer: Answer | None = None
        self.served: Arm | None = None
        self.gateway_failed = False
        self.excused = False
        self._last_error: ProviderError | None = None

    @property
    def request_faulty(self) -> bool:
        """Whether no arm answered, and the last provider blames the request itself."""
        return self.answer is None and self._last_error is not None and self._last_error.blames_request

    async def serve(self) -> Answer:
        """Return the first answer, whose first byte has arrived.

        `ChatError` is raised when no arm answered, or the request is at fault.
        """
        errors: list[ProviderError] = []
        for arm in self._order:
            # What was not sent is no attempt: an arm that cannot express the request takes no other one's place.
            if sum(error.kind not in NOT_SENT for error in errors) >= self._max_attempts:
                break
            self.started_s = perf_counter()
            try:
                upstream = self._providers.upstream(arm, self.request.dialect)
                slot = await upstream.reserve(self.request)
                self.started_s = perf_counter()  # the wait for a connection is not the provider's time
                answer = await upstream.open(self.request, slot)
            except GatewayLimit as error:  # no attempt: nothing was sent, and other arms have the same gateway
                error.drop_frames()
                self.gateway_failed = True
                raise limit_error(error) from None
            except ProviderError as error:
                error.drop_frames()
                self._record(arm, error.tries, error.status, error)
                self._last_error = error
                errors.append(error)
                if not error.elsewhere or _is_refused_twice(errors):
                    break
                continue
            self._record(arm, answer.tries, answer.status)
            self.answer, self.served = answer, arm
            self._remember_refusals(errors)
            self.request = self.request._replace(raw=b"")  # it was sent, and an answer may take minutes
            return answer
        raise no_answer_error(errors, self.request.dialect)

    def _remember_refusals(self, errors: Sequence[ProviderError]) -> None:
        """Remember why arms refused the request, which is known to be right now that another one has answered."""
        failed = zip(self._order, errors, strict=False)
        known = [self._providers.refused(arm, error, self.request) for arm, error in failed]
        self.excused = bool(known) and known[0]

    def _record(self, arm: Arm, tries: int, status: int | None, error: ProviderError | None = None) -> None:
        took_s = perf_counter() - self.started_s
        self.waited_s += took_s
        self.tries += tries
        self.made.append(
            Attempt(
                provider=arm.provider,
                model=arm.model,
                status=status,
                error=error.kind if error else None,
                fault=error.verdict.fault.value if error else None,
                latency_ms=took_s * 1000.0,
            )
        )
        if error is not None:
            kind = CLIENTS_FAULT if error.blames_request else error.kind
            metrics.llm_failed_attempts.labels(arm.provider, kind).inc()


def _is_refused_twice(errors: Sequence[ProviderError]) -> bool:
    """Return whether two arms have refused the request in words that are not known: then the request is at fault."""
    return sum(error.verdict.fault is Fault.UNCLEAR for error in errors) > 1


def attempt_order(decision: Decision, candidates: tuple[Arm, ...]) -> list[Arm]:
    """Return the arms to try: the chosen one, then the others by probability and then by score.

    Ties keep the order of the candidates, and so do all others where no policy chose.
    """
    chosen = Arm(decision.provider, decision.model)
    ranked = sorted(decision.scores, key=lambda score: (-score.probability, -score.ucb))
    others = [Arm(score.provider, score.model) for score in ranked] or list(candidates)
    return [chosen, *[arm for arm in others if arm != chosen]]


def limit_error(error: GatewayLimit) -> ChatError:
    """Return and count the error for a limit of the gateway."""
    refusal = gateway_limit("provider_connections" if error.limit == "connections" else error.limit, error.text)
    return ChatError(refusal.status, f"the gateway is at its limit: {error.text}", headers=refusal.headers)


def no_answer_error(errors: Sequence[ProviderError], dialect: Dialect) -> ChatError:
    """Return the error for a request that no arm served.

    The error of a single arm, and one that blames the request, is passed on as the provider sent it. Several errors
    become one sentence, with their common status or else 502.
    """
    last = errors[-1]
    delays_s = [error.retry_after_s for error in errors if error.retry_after_s is not None]
    headers = (("retry-after", str(math.ceil(min(delays_s)))),) if delays_s and len(delays_s) == len(errors) else ()
    if len(errors) == 1 or last.blames_request:
        body = last.body if last.dialect == dialect else None
        return ChatError(last.answer_status, last.text, body=body, headers=headers)
    statuses = {error.answer_status for error in errors}
    status = statuses.pop() if len(statuses) == 1 else 502
    reasons = "; ".join(error.text for error in errors)
    return ChatError(status, f"no model answered: {reasons}", code="no_model_answered", headers=headers)
