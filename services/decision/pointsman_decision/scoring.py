"""Scoring without deciding: what a request would be drawn from. Nothing is logged, nothing counts."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import Scoring, request_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.problem import FieldError, Problem
from pointsman.contracts.messages.validation import check_request
from pointsman.runtime.bus import Bus, BusUnavailable, Message
from pointsman.runtime.telemetry.logs import logger
from pointsman_decision.tier import Tier

log = logger("decision.scoring")


class ScoreHandler:
    """Answers requests on ``score.<tier>``.

    Parameters
    ----------
    bus : Bus
    tiers : mapping of str to Tier
    config : Config
    """

    def __init__(self, bus: Bus, tiers: Mapping[str, Tier], config: Config) -> None:
        self._bus = bus
        self._tiers = tiers
        self._arms = {tier.name: tier_arms(tier) for tier in config.tier}
        self._context = config.context
        self._stale_after_ms = config.decision.stale_after_ms

    async def handle(self, message: Message) -> None:
        """Answer one request."""
        if not message.reply:
            return
        answer = self.answer(message.data)
        headers = None
        if isinstance(answer, Problem):
            headers = {"Nats-Service-Error-Code": str(answer.status), "Nats-Service-Error": answer.title}
        try:
            await self._bus.publish(message.reply, encode(answer), headers=headers)
        except BusUnavailable as error:
            log.debug("could not answer: %s", error)

    def answer(self, data: bytes) -> Scoring | Problem:
        """Return the scores, or what is wrong with the request or the policy."""
        try:
            request = decode(request_decoder, data)
            candidates, context = check_request(request, self._arms, self._context.dim, self._context.mismatch)
        except InvalidMessage as error:
            errors = [FieldError(field=error.field, detail=error.detail)]
            return Problem(title="Invalid request", status=422, detail=str(error), errors=errors)
        tier = self._tiers[request.tier]
        live, age_ms = tier.live, tier.age_ms()
        try:
            scores = tier.score(candidates, context)
        except Exception as error:  # a policy from outside may raise anything
            log.exception("policy %s of tier %s failed", live.spec.name, tier.name)
            return Problem(title="No scores", status=503, detail=f"policy {live.spec.name} failed: {error}")
        return Scoring(
            tier=tier.name,
            policy=live.spec.name,
            policy_version=live.version,
            stale=age_ms is None or age_ms > self._stale_after_ms,
            state_age_ms=age_ms,
            scores=scores,
        )
