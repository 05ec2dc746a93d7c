"""``POST /v1/messages/count_tokens``: the number of tokens of a request. Nothing is decided or logged."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.core.bandit import Arm
from pointsman.core.features import view_request
from pointsman.llm.providers.answer.complete import CompleteAnswer
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.registry import Providers
from pointsman.llm.providers.upstream import Upstream
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.answer.headers import TOKENS_ESTIMATED, forwardable
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.chat.request.reader import read_request
from pointsman_gateway.chat.request.routing import Routing
from pointsman_gateway.http.request import read_body
from pointsman_gateway.http.response import HttpResponse

log = logger("gateway.chat.token_count")

DIALECT: Dialect = "anthropic"
COUNT_TIMEOUT_S = 10.0
"""Clients count before they send a request, so an estimate now is better than a late count."""


class TokenCounts:
    """Counts with the first arm of the tier whose provider can count, otherwise estimates.

    Which arm will serve is unknown before a decision, and a decision for each count would have no outcome.
    """

    def __init__(self, providers: Providers, routing: Routing, max_body_bytes: int) -> None:
        self._providers = providers
        self._routing = routing
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Handle one request."""
        request = read_request(DIALECT, await read_body(scope, receive, self._max_body_bytes), scope)
        view = view_request(request.body, DIALECT)
        for arm in self._routing.route(request.model, view).arms:
            counter = self._providers.token_counter(arm)
            if counter is not None:
                response = await self._count(counter, arm, request)
                if response is not None:
                    return response
                break
        body = encode({"input_tokens": max(1, view.tokens)})
        return HttpResponse(200, body, headers=((TOKENS_ESTIMATED, "true"),))

    async def _count(self, counter: Upstream, arm: Arm, request: ChatRequest) -> HttpResponse | None:
        """Return the provider's count; None when it does not count. Raise `ChatError` when it blames the request."""
        try:
            async with asyncio.timeout(COUNT_TIMEOUT_S):
                answer = await counter.open(request._replace(stream=False))
        except ProviderError as error:
            if not error.elsewhere:
                raise ChatError(error.answer_status, error.text, body=error.body) from error
            log.debug("tokens are estimated: %s", error)
            return None
        except TimeoutError:
            return None
        assert isinstance(answer, CompleteAnswer)  # a count is not a stream, also where the client asks for one
        headers = (
            *forwardable(answer.headers),
            ("x-pointsman-provider", arm.provider),
            ("x-pointsman-model", arm.model),
        )
        return HttpResponse(answer.status, answer.body, answer.content_type, headers)
