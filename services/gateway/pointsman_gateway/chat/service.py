"""Builds the parts of the chat endpoints, and closes them."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.contracts.messages.status import StatusProblem
from pointsman.core.bandit import Arm
from pointsman.llm.providers.registry import Providers
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.decision import ChatDecisions
from pointsman_gateway.chat.flow import ChatFlow
from pointsman_gateway.chat.outcome.delivery import OutcomeDelivery
from pointsman_gateway.chat.outcome.grading import AnswerGrader
from pointsman_gateway.chat.request.conversations import Conversations
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.routing import Routing
from pointsman_gateway.chat.request.tier_features import TierFeaturesReader
from pointsman_gateway.chat.token_count import TokenCounts
from pointsman_gateway.decision_client import DecisionClient

DRAIN_TIMEOUT_S = 3.0
"""How long outcomes may take to reach NATS when the gateway stops."""


class ChatGateway:
    """The parts of the chat endpoints."""

    def __init__(self, backends: Backends, decision_client: DecisionClient) -> None:
        config = backends.config
        self.features = ChatFeatures(config)
        self.tier_features = TierFeaturesReader(backends, self.features.label)
        self.responses = ResponseIndex(backends)
        self.routing = Routing(config, self.features)
        self._providers = Providers(config.provider, local_host=config.llm.local_host)
        self._conversations = Conversations(backends)
        self._outcomes = OutcomeDelivery(backends, AnswerGrader(config), self.responses)
        self.flow = ChatFlow(
            config=config.llm,
            providers=self._providers,
            features=self.features,
            tier_features=self.tier_features,
            routing=self.routing,
            conversations=self._conversations,
            decisions=ChatDecisions(config.llm, decision_client, self._providers, self.features.label),
            outcomes=self._outcomes,
        )
        self.token_counts = TokenCounts(self._providers, self.routing, config.llm.max_body_bytes)

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the providers and models that are not called for a while."""
        for found in self._providers.suspended():
            kind = "provider" if found.model is None else "model"
            yield StatusProblem(kind=kind, subject=found.subject, text=found.text)

    def refuses(self, arm: Arm) -> list[str]:
        """Return the features that an arm is known to refuse; see `pointsman.llm.providers.capabilities`."""
        return self._providers.refuses(arm)

    async def close(self) -> None:
        """Deliver pending outcomes and close the connections to providers. NATS and the store must still be open."""
        await self._outcomes.drain(DRAIN_TIMEOUT_S)
        await self.responses.close()
        await self._conversations.close()
        await self._providers.close()
