"""The LLM gateway's parts, put together."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import Dialect
from pointsman_gateway.api.response_index import ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.affinity import Affinity
from pointsman_gateway.chat.chat import Chat
from pointsman_gateway.chat.counting import TokenCounts
from pointsman_gateway.chat.errors import in_dialect, problem_in_dialect, route_in_dialect
from pointsman_gateway.chat.judging import Judge
from pointsman_gateway.chat.models import Models, dialect_of
from pointsman_gateway.chat.routing import Routing
from pointsman_gateway.chat.seeing import ChatFeatures
from pointsman_gateway.chat.sink import OutcomeSink
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator, Endpoint
from pointsman_gateway.http.response import HotHandler, HttpResponse

CHAT_PATHS: dict[str, Dialect] = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}
"""The routes, and what their clients speak."""
COUNT_PATH = "/v1/messages/count_tokens"
HOT_PATHS: dict[str, Dialect] = {**CHAT_PATHS, COUNT_PATH: "anthropic"}
"""Those of them that take requests as long as a chat."""

DRAIN_S = 3.0
"""How long outcomes have to get to NATS when the gateway stops."""


class LlmGateway:
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
        self._sink = OutcomeSink(backends, Judge(config), self.responses)

    def hot(self, access: Authenticator) -> dict[str, HotHandler]:
        """Return the chat routes; whatever goes wrong on them is told in the clients' dialect."""
        endpoints: dict[str, HotHandler] = {path: self._chat(dialect) for path, dialect in CHAT_PATHS.items()}
        most = self._config.llm.max_body_bytes
        endpoints[COUNT_PATH] = TokenCounts(self._providers, self._routing, most)
        return {
            path: in_dialect(HOT_PATHS[path], access.hot("decide", endpoint)) for path, endpoint in endpoints.items()
        }

    def routes(self, access: Authenticator) -> list[Route]:
        """Return the routes that are not hot."""
        models = Models(self._routing)
        return [
            Route("/v1/models", _in_dialect_of_client(access.route("decide", models.list))),
            Route("/v1/models/{model:path}", _in_dialect_of_client(access.route("decide", models.get))),
        ]

    async def close(self) -> None:
        """Deliver what waits, and close all connections to providers. NATS and the store must still be there."""
        await self._sink.drain(DRAIN_S)
        await self.responses.close()
        await self._affinity.close()
        await self._providers.close()

    def _chat(self, dialect: Dialect) -> Chat:
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


def client_problem(path: str, headers: Mapping[str, str], reply: HttpResponse) -> HttpResponse:
    """Return a problem as the clients of a path expect it: in their dialect, on the routes of the LLM gateway."""
    dialect = HOT_PATHS.get(path)
    if dialect is None and (path == "/v1/models" or path.startswith("/v1/models/")):
        dialect = dialect_of(headers)
    return reply if dialect is None else problem_in_dialect(dialect, reply)


def _in_dialect_of_client(endpoint: Endpoint) -> Endpoint:
    async def shaped(request: Request) -> Response:
        return await route_in_dialect(dialect_of(request.headers), endpoint)(request)

    return shaped
