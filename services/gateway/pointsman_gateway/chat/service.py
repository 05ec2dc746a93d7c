"""The LLM gateway's parts, put together."""

from __future__ import annotations

from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import Dialect
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.affinity import Affinity
from pointsman_gateway.chat.chat import Chat
from pointsman_gateway.chat.counting import TokenCounts
from pointsman_gateway.chat.judging import Judge
from pointsman_gateway.chat.models import Models
from pointsman_gateway.chat.routing import Routing
from pointsman_gateway.chat.seeing import ChatFeatures
from pointsman_gateway.chat.sink import OutcomeSink
from pointsman_gateway.decision_client import DecisionClient

DRAIN_S = 3.0
"""How long outcomes have to get to NATS when the gateway stops."""


class ChatGateway:
    """Everything behind the chat routes.

    Parameters
    ----------
    backends : Backends
    decision_client : DecisionClient

    Attributes
    ----------
    responses : ResponseIndex
    """

    def __init__(self, backends: Backends, decision_client: DecisionClient) -> None:
        config = backends.config
        self._config = config
        self._decisions = decision_client
        self.features = ChatFeatures(config)
        self._routing = Routing(config, self.features)
        self._providers = Providers(config.provider)
        self._affinity = Affinity(backends)
        self.responses = ResponseIndex(backends)
        self.models = Models(self._routing)
        self.token_counts = TokenCounts(self._providers, self._routing, config.llm.max_body_bytes)
        self._sink = OutcomeSink(backends, Judge(config), self.responses)

    async def close(self) -> None:
        """Deliver what waits, and close all connections to providers. NATS and the store must still be there."""
        await self._sink.drain(DRAIN_S)
        await self.responses.close()
        await self._affinity.close()
        await self._providers.close()

    def chat(self, dialect: Dialect) -> Chat:
        """Return the handler of chat requests in a dialect."""
        return Chat(
            self._config,
            dialect,
            self._decisions,
            self._providers,
            self.features,
            self._routing,
            self._affinity,
            self._sink,
        )
