"""The decision for a chat request, from the decision service; the fallback arm where that does not answer."""

from __future__ import annotations

from typing import Any

from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import Candidate, Decision, DecisionRequest, decision_decoder
from pointsman.contracts.messages.errors import MessageError
from pointsman.core.bandit import Arm
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.request.conversations import Conversation
from pointsman_gateway.chat.request.routing import ChatRoute
from pointsman_gateway.chat.request.tier_features import LABEL
from pointsman_gateway.decision_client import DecisionClient, DecisionUnavailable, refusal_status

log = logger("gateway.chat.decision")

MAX_LOGGED_MODEL_CHARS = 200


class ChatDecisions:
    """Requests decisions for chat requests; ``features_label`` is name and version of the extractor, for the log."""

    def __init__(self, config: LlmConfig, client: DecisionClient, providers: Providers, features_label: str) -> None:
        self._switching_cost = config.switching_cost
        self._client = client
        self._providers = providers
        self._features_label = features_label

    async def decide(
        self,
        request: ChatRequest,
        route: ChatRoute,
        context: list[float] | None,
        conversation: Conversation | None,
        pinned: Arm | None,
    ) -> tuple[Decision, tuple[Arm, ...]]:
        """Return the decision and its candidates.

        Arms that are known to be down, or not to be able to serve this request, are not candidates, unless no arm is
        left: no request waits for them, nothing is learned from it, and the propensities are those of the others. No
        policy can choose without a context (the extractor failed). ``pinned`` is the arm of the previous turn.
        """
        arms = route.arms
        if not route.direct:
            arms = self._providers.candidates(arms, request)
        if context is None:
            return self._client.fallback_decision(route.tier, arms, "features"), arms
        names_candidates = route.direct or len(arms) < len(route.arms)
        stay_with = route.arms[0] if route.direct else pinned
        decision_request = DecisionRequest(
            tier=route.tier,
            context=context,
            candidates=[_candidate(arm) for arm in arms] if names_candidates else None,
            metadata=self._metadata(request, route, conversation),
            pinned=_candidate(stay_with) if stay_with else None,
            switching_cost=self._switching_cost,
        )
        try:
            reply = await self._client.request_decision(route.tier, encode(decision_request))
            if refusal_status(reply) is not None:
                log.error("the decision service refused a request; do all have one configuration? %r", reply.data)
                raise DecisionUnavailable("refused")
        except DecisionUnavailable as unavailable:
            return self._client.fallback_decision(route.tier, arms, unavailable.reason), arms
        try:
            return decode(decision_decoder, reply.data), arms
        except MessageError:
            log.exception("a decision is not readable")
            return self._client.fallback_decision(route.tier, arms, "replica_error"), arms

    def _metadata(self, request: ChatRequest, route: ChatRoute, conversation: Conversation | None) -> dict[str, Any]:
        """Return what the decision log has of the request; never any of its text."""
        metadata: dict[str, Any] = {
            LABEL: self._features_label,
            "dialect": request.dialect,
            "model": request.model[:MAX_LOGGED_MODEL_CHARS],
            "stream": request.stream,
        }
        if conversation is not None:
            metadata["session"] = conversation.current
        if route.difficulty is not None:
            metadata["auto_score"] = round(route.difficulty, 3)
        if route.previous_tier is not None:
            metadata["auto_from"] = route.previous_tier
        if route.direct:
            metadata["direct"] = True
        return metadata


def _candidate(arm: Arm) -> Candidate:
    return Candidate(provider=arm.provider, model=arm.model)
