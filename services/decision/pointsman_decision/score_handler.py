"""Handler of ``score.<tier>``: the scores that a request would be decided with. Nothing is drawn, logged or counted."""

from collections.abc import Mapping

from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import CandidateScores, request_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.problem import Problem
from pointsman.contracts.messages.validation import check_request
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
            request = decode(request_decoder, data)
            candidates, context = check_request(request, self._arms, self._context.dim, self._context.mismatch)
        except InvalidMessage as error:
            return invalid_request(error)
        tier = self._tiers[request.tier]
        live, age_ms = tier.live, tier.age_ms()
        try:
            scoring = tier.score(candidates, context)
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
        )
