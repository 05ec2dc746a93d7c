"""Having a request served: the arm that was chosen, then the others in the policy's order, until one answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import perf_counter

from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.outcome import Attempt
from pointsman.core.bandit import Arm
from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.chat.errors import LlmError

NOT_ASKED = frozenset({"unavailable", "request", "config"})
"""Kinds of errors with which nothing was sent to a provider, so that they say nothing of the arm."""


class Attempts:
    """The tries of one request, as they go on.

    Attributes
    ----------
    request : ChatRequest
    made : list of Attempt
        All so far, in order: what the outcome tells.
    tries : int
        How often providers were asked, retries included.
    waited_s : float
        How long providers were waited for.
    began_s : float
        When the last attempt began, by `perf_counter`.
    answer : Answer or None
        The one that is passed on.
    served : Arm or None
        Whose it is.
    """

    def __init__(self, providers: Providers, request: ChatRequest, order: Sequence[Arm]) -> None:
        self._providers = providers
        self.request = request
        self._order = order
        self.made: list[Attempt] = []
        self.tries = 0
        self.waited_s = 0.0
        self.began_s = 0.0
        self.answer: Answer | None = None
        self.served: Arm | None = None
        self._last_error: ProviderError | None = None

    @property
    def at_fault(self) -> bool:
        """Whether nobody answered, and the last provider said that it was because of the request itself."""
        return self.answer is None and self._last_error is not None and self._last_error.blames_request

    async def serve(self) -> Answer:
        """Return the first answer that there is; its first byte has come.

        Raises
        ------
        LlmError
            Nobody answered, or the fault is in the request.
        """
        errors: list[ProviderError] = []
        for arm in self._order:
            self.began_s = perf_counter()
            try:
                answer = await self._providers.upstream(arm, self.request.dialect).open(self.request)
            except ProviderError as error:
                took_s = perf_counter() - self.began_s
                self.waited_s += took_s
                self.tries += error.tries
                self.made.append(
                    Attempt(
                        provider=arm.provider,
                        model=arm.model,
                        status=error.status,
                        error=error.kind,
                        latency_ms=took_s * 1000.0,
                    )
                )
                metrics.llm_failed_attempts.labels(arm.provider, error.kind).inc()
                self._last_error = error
                errors.append(error)
                if not error.elsewhere:
                    break
                continue
            took_s = perf_counter() - self.began_s
            self.waited_s += took_s
            self.tries += answer.tries
            self.made.append(
                Attempt(provider=arm.provider, model=arm.model, status=answer.status, latency_ms=took_s * 1000.0)
            )
            self.answer, self.served = answer, arm
            self.request = self.request._replace(raw=b"")  # it was sent, and an answer may take minutes
            return answer
        raise nobody_answered(errors, self.request.dialect)


def in_order(decision: Decision, candidates: tuple[Arm, ...], most: int) -> list[Arm]:
    """Return the arms to try: the chosen one, then the others as the policy would have had them.

    That is by probability, then by score; ties stay in the candidates' order, and so do all where no policy chose.
    """
    chosen = Arm(decision.provider, decision.model)
    ranked = sorted(decision.scores, key=lambda score: (-score.probability, -score.ucb))
    others = [Arm(score.provider, score.model) for score in ranked] or list(candidates)
    return [chosen, *[arm for arm in others if arm != chosen]][:most]


def nobody_answered(errors: Sequence[ProviderError], dialect: Dialect) -> LlmError:
    """Return the one error for a request that nobody served.

    A single candidate's error, and one that is in the request itself, is passed on as the provider told it. That of
    several is put in one sentence, with the status that all of them have, or else 502.
    """
    last = errors[-1]
    waits = [error.retry_after_s for error in errors if error.retry_after_s is not None]
    headers = (("retry-after", str(math.ceil(min(waits)))),) if waits and len(waits) == len(errors) else ()
    if len(errors) == 1 or last.blames_request:
        body = last.body if last.dialect == dialect else None
        return LlmError(last.answer_status, last.text, body=body, headers=headers)
    statuses = {error.answer_status for error in errors}
    status = statuses.pop() if len(statuses) == 1 else 502
    reasons = "; ".join(error.text for error in errors)
    return LlmError(status, f"no model answered: {reasons}", code="no_model_answered", headers=headers)
