"""Grades the answer of a call and computes its cost."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.contracts.config import Config, ConfigError
from pointsman.core.bandit import Arm
from pointsman.core.bounds import MAX_COST_USD
from pointsman.core.features import view_request
from pointsman.llm.completion import Completion, Usage
from pointsman.llm.grading.checked import make_grader
from pointsman.llm.grading.grader import Grade, GradedRequest, GraderUnusable
from pointsman.llm.pricing.prices import Prices, estimated_usage
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.call import ChatCall

log = logger("gateway.chat.grading")

NOT_ANSWERED = Grade(0.0, {"answered": 0.0})
"""Grade of an arm that was chosen and did not serve; the grader is not called."""
MAX_LOGGED = 1000
"""Most different errors and arms that are logged, each once."""


class Assessment(NamedTuple):
    """Grade and cost of a call.

    Attributes
    ----------
    grade: Of the arm that was chosen.
    usage: Tokens of the answer that was served.
    cost_usd: Of the answer that was served; None when it is unknown.
    """

    grade: Grade
    usage: Usage | None
    cost_usd: float | None


class AnswerGrader:
    """Grades and prices answers; raises `ConfigError` when the configured grader cannot be used."""

    def __init__(self, config: Config) -> None:
        try:
            self._grader = make_grader(config.scoring.scorer, config.scoring.parameters)
        except GraderUnusable as error:
            raise ConfigError([f"scoring.{error}"]) from error
        self._prices = Prices(config.price, config.provider)
        self._logged: set[Arm | str] = set()

    async def load(self) -> None:
        """Load the price list; idempotent, and fast when it is loaded. Without it, costs are unknown."""
        try:
            await self._prices.load()
        except Exception as error:
            self._log_once(f"the price list could not be loaded: {error}", error)

    def assess(self, call: ChatCall) -> Assessment:
        """Return grade and cost of a call that has ended. What cannot be computed is unknown; nothing is raised."""
        completion, served = call.completion, call.served
        if completion is None or served is None:
            return Assessment(Grade(None) if call.stopped else NOT_ANSWERED, None, None)
        usage, cost_usd = None, None
        try:
            usage = self._usage(call, completion)
            cost_usd = self._cost_usd(served, usage, completion.model)
        except Exception as error:
            self._log_once(f"the cost of an answer could not be computed: {error}", error)
        tier = call.decision.tier
        if cost_usd is None:
            metrics.llm_unpriced.labels(tier, served.provider).inc()
            if self._is_new(served):
                log.warning("the price of %s is unknown, so its outcomes have no cost; add a [[price]]", served)
        else:
            metrics.llm_cost_usd.labels(tier, served.provider).inc(cost_usd)
        grade = self._grade(call, completion) if call.chosen_served else NOT_ANSWERED
        return Assessment(grade, usage, cost_usd)

    def _cost_usd(self, served: Arm, usage: Usage, answered_by: str | None) -> float | None:
        cost_usd = self._prices.cost_usd(served, usage, answered_by)
        if cost_usd is None or 0.0 <= cost_usd <= MAX_COST_USD:
            return cost_usd
        metrics.llm_usage_faults.labels(served.provider, "cost").inc()
        return None

    def _grade(self, call: ChatCall, completion: Completion) -> Grade:
        request = GradedRequest(
            dialect=call.attempts.request.dialect,
            body=call.attempts.request.body,
            client_left=call.client_left or call.stopped,
        )
        try:
            return self._grader.score(request, completion, call.attempts.made)
        except Exception as error:  # `BadGrade`, or a bug of the built-in grader
            metrics.llm_scorer_errors.labels(call.decision.tier).inc()
            self._log_once(f"the scorer failed, so the quality of an answer is unknown: {error}", error)
            return Grade(None)

    def _usage(self, call: ChatCall, completion: Completion) -> Usage:
        usage = completion.usage
        if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
            return usage
        request = call.attempts.request
        return estimated_usage(completion, view_request(request.body, request.dialect).tokens)

    def _log_once(self, message: str, error: Exception) -> None:
        if self._is_new(message[:160]):
            log.error(message, exc_info=error)

    def _is_new(self, subject: Arm | str) -> bool:
        """Return whether a subject has not been logged yet, and remember it."""
        if subject in self._logged or len(self._logged) >= MAX_LOGGED:
            return False
        self._logged.add(subject)
        return True
