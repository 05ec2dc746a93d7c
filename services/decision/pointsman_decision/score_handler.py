"""Handler of ``score.<tier>``: the scores that a request would be decided with. Nothing is drawn, logged or counted."""

from collections.abc import Mapping

import msgspec

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import (
    CandidateScores,
    RewardWeights,
    ScoreRequest,
    score_request_decoder,
)
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.problem import Problem
from pointsman.contracts.messages.validation import check_request
from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus, BusError, Message
from pointsman.runtime.telemetry.logs import logger
from pointsman_decision.problems import invalid_request, send_problem
from pointsman_decision.tier import Tier

log = logger("decision.scoring")


class ScoreHandler:
    """Respond to requests on ``score.<tier>``."""

    def __init__(self, bus: Bus, tiers: Mapping[str, Tier], config: Config) -> None:
        self._bus = bus
        self._tiers = tiers
        self._arms = {tier.name: tier_arms(tier) for tier in config.tier}
        self._context = config.context
        self._stale_after_ms = config.decision.stale_after_ms

    async def handle(self, message: Message) -> None:
        """Respond to one request."""
        if not message.reply:
            return
        scoring = self.score(message.data)
        if isinstance(scoring, Problem):
            await send_problem(self._bus, message.reply, scoring)
            return
        try:
            await self._bus.publish(message.reply, encode(scoring))
        except BusError as error:
            log.debug("cannot respond: %s", error)

    def score(self, data: bytes) -> CandidateScores | Problem:
        """Return the scores, or the problem of the request or the policy."""
        try:
            request = decode(score_request_decoder, data)
            candidates, context = self._check(request)
        except InvalidMessage as error:
            return invalid_request(error)
        tier = self._tiers[request.tier]
        live, age_ms = tier.live, tier.age_ms()
        weights = _weights(request, tier.learned.weights)
        try:
            scoring = tier.score(candidates, context, weights)
        except Exception as error:  # a policy plug-in may raise anything
            log.exception("policy %s of tier %s failed", live.spec.name, tier.name)
            return Problem(title="No scores", status=503, detail=f"policy {live.spec.name} failed: {error}")
        return CandidateScores(
            tier=tier.name,
            policy=live.spec.name,
            policy_version=live.version,
            stale=age_ms is None or age_ms > self._stale_after_ms,
            state_age_ms=age_ms,
            scores=scoring.scores,
            held_back=[str(arm) for arm in scoring.held_back],
            context=context if request.average else [],
            weights=weights or tier.learned.weights,
        )

    def _check(self, request: ScoreRequest) -> tuple[tuple[Arm, ...], list[float]]:
        """Return the candidates and the context, or raise `InvalidMessage`."""
        if request.average and request.tier in self._tiers:
            context = self._tiers[request.tier].learned.mean_context()
            if context is None:
                raise InvalidMessage("average", f"tier {request.tier} has learned from no outcome yet")
            request = msgspec.structs.replace(request, context=context)
        return check_request(request, self._arms, self._context.dim, self._context.mismatch)


def _weights(request: ScoreRequest, in_force: RewardWeights | None) -> RewardWeights | None:
    """Return the weights that the request gives, with those in force where it gives one; None if it gives none.

    Before the first outcome, no arm has anything that could be weighed.
    """
    if in_force is None or (request.lambda_cost is None and request.mu_latency is None):
        return None
    return RewardWeights(
        lambda_cost=in_force.lambda_cost if request.lambda_cost is None else request.lambda_cost,
        mu_latency=in_force.mu_latency if request.mu_latency is None else request.mu_latency,
    )
