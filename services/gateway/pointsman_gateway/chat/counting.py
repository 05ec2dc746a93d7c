"""``POST /v1/messages/count_tokens``: how long a request is, before it is made. Nothing is decided or logged."""

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
from pointsman_gateway.chat.errors import LlmError
from pointsman_gateway.chat.headers import ESTIMATED, passed_on
from pointsman_gateway.chat.requests import read_request
from pointsman_gateway.chat.routing import Routing
from pointsman_gateway.http.request import read_body
from pointsman_gateway.http.response import HttpResponse

log = logger("gateway.llm")

DIALECT: Dialect = "anthropic"
PATIENCE_S = 10.0
"""Clients ask this before they send anything, so an estimate now is better than a count later."""


class TokenCounts:
    """Counts with the first arm of the tier whose provider is Anthropic's kind, else estimates.

    Which arm will serve is not known before it is chosen; a choice for each count would be one that nothing comes of.

    Parameters
    ----------
    providers : Providers
    routing : Routing
    max_body_bytes : int
    """

    def __init__(self, providers: Providers, routing: Routing, max_body_bytes: int) -> None:
        self._providers = providers
        self._routing = routing
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        request = read_request(DIALECT, await read_body(scope, receive, self._max_body_bytes), scope)
        view = view_request(request.body, DIALECT)
        for arm in self._routing.route(request.model, view).arms:
            counter = self._providers.token_counter(arm)
            if counter is not None:
                counted = await self._counted(counter, arm, request)
                if counted is not None:
                    return counted
                break
        return HttpResponse(200, encode({"input_tokens": max(1, view.tokens)}), headers=((ESTIMATED, "true"),))

    async def _counted(self, counter: Upstream, arm: Arm, request: ChatRequest) -> HttpResponse | None:
        """Return the provider's count; None when it does not count.

        Raises
        ------
        LlmError
            The provider says that something is wrong with the request.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await counter.open(request)
        except ProviderError as error:
            if not error.elsewhere:
                raise LlmError(error.answer_status, error.text, body=error.body) from error
            log.debug("tokens are estimated: %s", error)
            return None
        except TimeoutError:
            return None
        assert isinstance(answer, CompleteAnswer)  # a count is not a stream
        headers = (*passed_on(answer.headers), ("x-pointsman-provider", arm.provider), ("x-pointsman-model", arm.model))
        return HttpResponse(answer.status, answer.body, answer.content_type, headers)
