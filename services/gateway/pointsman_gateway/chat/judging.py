"""What an answer was worth and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.contracts.config import Config, ConfigError
from pointsman.core.bandit import Arm
from pointsman.core.features import view_request
from pointsman.llm.completion import Completion, Usage
from pointsman.llm.grading import BadGrade, Grade, GradedRequest, GraderUnusable, make_grader
from pointsman.llm.pricing import Prices, estimated_usage
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat import meters
from pointsman_gateway.chat.measuring import Exchange, Judged

log = logger("gateway.llm.judging")

NOT_ANSWERED = Grade(0.0, {"answered": 0.0})
"""Of an arm that was chosen and did not serve: no scorer is asked."""


class Judge:
    """Scores and prices answers.

    Parameters
    ----------
    config : Config

    Raises
    ------
    ConfigError
        When the scorer cannot be used.
    """

    def __init__(self, config: Config) -> None:
        try:
            self._scorer = make_grader(config.scoring.scorer, config.scoring.parameters)
        except GraderUnusable as error:
            raise ConfigError([f"scoring.{error}"]) from error
        self._prices = Prices(config.price, config.provider)
        self._said: set[Arm | str] = set()

    async def ready(self) -> None:
        """Have everything at hand; repeatable, and quick when it is."""
        await self._prices.load()

    def judge(self, exchange: Exchange) -> Judged:
        """Return what is made of an exchange that has ended."""
        decision, completion, served = exchange.decision, exchange.completion, exchange.served
        if completion is None or served is None:
            return Judged(*_of(NOT_ANSWERED), None, None)
        usage = self._usage(exchange, completion)
        cost_usd = self._prices.cost_usd(served, usage, completion.model)
        if cost_usd is None:
            self._unpriced(decision.tier, served)
        else:
            meters.priced(decision.tier, served.provider, cost_usd)
        score = NOT_ANSWERED
        if served == Arm(decision.provider, decision.model):
            score = self._score(exchange, completion)
        return Judged(*_of(score), usage, cost_usd)

    def _score(self, exchange: Exchange, completion: Completion) -> Grade:
        asked, left = exchange.request, exchange.gone or exchange.stopped
        request = GradedRequest(client_left=left)
        if asked is not None:
            request = GradedRequest(dialect=asked.dialect, body=asked.body, client_left=left)
        try:
            return self._scorer.score(request, completion, exchange.attempts)
        except BadGrade as error:
            metrics.llm_scorer_errors.labels(exchange.decision.tier).inc()
            kind = str(error)[:80]
            if kind not in self._said and len(self._said) < 1000:
                self._said.add(kind)
                log.error("the scorer failed, so the quality of an answer is unknown: %s", error, exc_info=error)
            return Grade(None)

    def _usage(self, exchange: Exchange, completion: Completion) -> Usage:
        told = completion.usage
        if told is not None and told.input_tokens is not None and told.output_tokens is not None:
            return told
        request = exchange.request
        tokens = view_request(request.body, request.dialect).tokens if request is not None else 0
        return estimated_usage(completion, tokens)

    def _unpriced(self, tier: str, arm: Arm) -> None:
        metrics.llm_unpriced.labels(tier, arm.provider).inc()
        if arm not in self._said:
            self._said.add(arm)
            log.warning("what %s costs is not known, so its outcomes tell no cost; a [[price]] would say it", arm)


def _of(score: Grade) -> tuple[float | None, Mapping[str, float]]:
    return score.quality, score.parts
