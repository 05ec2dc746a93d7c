"""The steps of a chat request, in order: ``POST /v1/chat/completions`` and ``POST /v1/messages``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

from starlette.types import Receive, Scope

from pointsman.contracts.access.keys import StoredKey
from pointsman.contracts.config.llm import LlmConfig
from pointsman.core.bandit import Arm
from pointsman.core.features import RequestView, view_request
from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.answer.upstream_stream import UpstreamStream
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.telemetry.logs import bind_decision
from pointsman_gateway.chat.answer.client_stream import ClientStream
from pointsman_gateway.chat.answer.disconnect import DisconnectWatch
from pointsman_gateway.chat.answer.headers import forwardable, response_headers
from pointsman_gateway.chat.attempts import Attempts, attempt_order
from pointsman_gateway.chat.call import ChatCall
from pointsman_gateway.chat.decision import ChatDecisions
from pointsman_gateway.chat.errors import ChatError, gateway_stops
from pointsman_gateway.chat.outcome.delivery import OutcomeDelivery
from pointsman_gateway.chat.request.conversations import Conversation, Conversations
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.reader import read_request
from pointsman_gateway.chat.request.routing import ChatRoute, Routing
from pointsman_gateway.chat.request.tier_features import TierFeaturesReader
from pointsman_gateway.http.authentication import caller_key
from pointsman_gateway.http.request import ClientDisconnected, read_body
from pointsman_gateway.http.response import HttpResponse, HttpStreamResponse

CLIENT_CLOSED_REQUEST = 499
"""Status in the metrics of a response that the client did not wait for."""


@dataclass(slots=True, eq=False, kw_only=True)
class ChatFlow:
    """Handles the chat requests of both dialects."""

    config: LlmConfig
    providers: Providers
    features: ChatFeatures
    tier_features: TierFeaturesReader
    routing: Routing
    conversations: Conversations
    decisions: ChatDecisions
    outcomes: OutcomeDelivery

    async def __call__(self, dialect: Dialect, scope: Scope, receive: Receive) -> HttpResponse | HttpStreamResponse:
        """Handle one request."""
        arrived_s = perf_counter()
        raw = await read_body(scope, receive, self.config.max_body_bytes)
        request = read_request(dialect, raw, scope)
        del raw
        view = view_request(request.body, dialect)
        key: StoredKey | None = caller_key(scope)
        conversation = None
        if not self.routing.names_arm(request.model):
            conversation = self.conversations.identify(request, key.id if key else "")
        route, pinned = await self._route(request, view, conversation)
        if not route.direct:
            await self.tier_features.warn(route.tier)
        context = self.features.context(view)
        decision, candidates = await self.decisions.decide(request, route, context, conversation, pinned)
        bind_decision(decision.decision_id)
        order = attempt_order(decision, candidates)
        call = ChatCall(
            decision=decision,
            context=context or [],
            direct=route.direct,
            attempts=Attempts(self.providers, request, order, self.config.max_attempts),
            arrived_s=arrived_s,
            on_end=self.outcomes.submit,
            difficulty=route.difficulty,
        )
        del request  # not kept while an answer streams
        # Started only now: a logged decision must have an outcome, even when the client has disconnected.
        watch = DisconnectWatch(receive)
        try:
            return await self._serve(call, conversation, watch)
        except asyncio.CancelledError:
            watch.stop()
            if watch.absorb_cancellation():
                raise ClientDisconnected from None
            raise gateway_stops(response_headers(call)) from None
        except BaseException:
            watch.stop()
            raise

    async def _route(
        self, request: ChatRequest, view: RequestView, conversation: Conversation | None
    ) -> tuple[ChatRoute, Arm | None]:
        """Return the route, and the arm that served the previous turn if it was on the same tier."""
        if not self.routing.is_auto(request.model):
            route = self.routing.route(request.model, view)
            return route, await self.conversations.previous_arm(route.tier, conversation)
        previous = await self.conversations.previous_auto_turn(conversation)
        route = self.routing.route(request.model, view, previous.tier if previous else None)
        return route, previous.arm if previous and previous.tier == route.tier else None

    async def _serve(
        self, call: ChatCall, conversation: Conversation | None, watch: DisconnectWatch
    ) -> HttpResponse | HttpStreamResponse:
        try:
            return self._respond(call, await call.attempts.serve(), conversation, watch)
        except ChatError as error:
            error.headers += response_headers(call)
            attempts = call.attempts
            call.end(error.status, request_faulty=attempts.request_faulty, stopped=attempts.gateway_failed)
            raise
        except BaseException:  # cancelled, because the client left or the gateway stops; or a bug
            left = watch.client_left
            call.end(CLIENT_CLOSED_REQUEST if left else 500, client_left=left, stopped=not left)
            raise

    def _respond(
        self, call: ChatCall, answer: Answer, conversation: Conversation | None, watch: DisconnectWatch
    ) -> HttpResponse | HttpStreamResponse:
        if call.served is not None:
            auto = call.difficulty is not None
            self.conversations.remember(call.decision.tier, conversation, call.served, auto=auto)
        headers = (*forwardable(answer.headers), *response_headers(call))
        if isinstance(answer, UpstreamStream):
            return ClientStream(call.attempts.request.dialect, answer, call, watch, headers)
        watch.stop()
        call.begin_answer()
        call.end(answer.status)
        return HttpResponse(answer.status, answer.body, answer.content_type, headers)
