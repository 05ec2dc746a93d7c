"""``POST /v1/chat/completions`` and ``POST /v1/messages``: choose, have it served, pass it on, tell the outcome."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

from starlette.types import Receive, Scope

from pointsman.contracts.access import StoredKey
from pointsman.contracts.config import Config
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import Candidate, Decision, DecisionRequest, decision_decoder
from pointsman.contracts.messages.errors import MessageError
from pointsman.core.bandit import Arm
from pointsman.core.features import RequestView, view_request
from pointsman.llm.providers.answer.upstream_stream import UpstreamStream
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.affinity import Affinity, Conversation
from pointsman_gateway.chat.attempts import Attempts, in_order
from pointsman_gateway.chat.errors import LlmError
from pointsman_gateway.chat.exchange import OpenExchange
from pointsman_gateway.chat.headers import passed_on
from pointsman_gateway.chat.requests import read_request
from pointsman_gateway.chat.routing import Route, Routing
from pointsman_gateway.chat.seeing import ChatFeatures
from pointsman_gateway.chat.sink import OutcomeSink
from pointsman_gateway.chat.streaming import StreamedAnswer
from pointsman_gateway.chat.watch import ClientWatch
from pointsman_gateway.decision_client import DecisionClient, DecisionUnavailable, refusal_status
from pointsman_gateway.http.authentication import caller_key
from pointsman_gateway.http.request import ClientDisconnected, read_body
from pointsman_gateway.http.response import HttpResponse, StreamedResponse

log = logger("gateway.llm")

MAX_LOGGED_MODEL = 200
CLIENT_GONE = 499
"""No status that anybody gets: what the metrics call an answer that nobody was there for."""


class Chat:
    """Answers chat requests of one dialect.

    Parameters
    ----------
    config : Config
    dialect : Dialect
    decision_client : DecisionClient
    providers : Providers
    features : ChatFeatures
    routing : Routing
    affinity : Affinity
    sink : OutcomeSink
    """

    def __init__(
        self,
        config: Config,
        dialect: Dialect,
        decision_client: DecisionClient,
        providers: Providers,
        features: ChatFeatures,
        routing: Routing,
        affinity: Affinity,
        sink: OutcomeSink,
    ) -> None:
        self._dialect: Dialect = dialect
        self._llm = config.llm
        self._decisions = decision_client
        self._providers = providers
        self._features = features
        self._routing = routing
        self._affinity = affinity
        self._sink = sink

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse | StreamedResponse:
        """Answer one request."""
        arrived_s = perf_counter()
        raw = await read_body(scope, receive, self._llm.max_body_bytes)
        request = read_request(self._dialect, raw, scope)
        del raw
        view = view_request(request.body, self._dialect)
        key: StoredKey | None = caller_key(scope)
        conversation = None
        if not self._routing.names_arm(request.model):
            conversation = self._affinity.conversation(request, key.id if key else "")
        route, pinned = await self._route(request, view, conversation)
        context = self._features.context(view)
        decision, candidates = await self._decide(request, route, context, conversation, pinned)
        order = in_order(decision, candidates, self._llm.max_attempts)
        attempts = Attempts(self._providers, request, order)
        exchange = OpenExchange(decision, context or [], route.direct, attempts, arrived_s, self._sink, route.score)
        del request  # what is not needed while an answer streams is not kept for so long
        # Not before: a decision that is in the log is to have an outcome, also when nobody waits for it.
        watch = ClientWatch(receive)
        try:
            return await self._serve(exchange, conversation, watch)
        except asyncio.CancelledError:
            watch.stop()
            if watch.settle():
                raise ClientDisconnected from None
            raise
        except BaseException:
            watch.stop()
            raise

    async def _route(
        self, request: ChatRequest, view: RequestView, conversation: Conversation | None
    ) -> tuple[Route, Arm | None]:
        """Return where the request goes, and the arm that served the turn before where it goes to the same tier."""
        if not self._routing.is_auto(request.model):
            route = self._routing.route(request.model, view)
            return route, await self._affinity.arm(route.tier, conversation)
        before = await self._affinity.auto(conversation)
        route = self._routing.route(request.model, view, before.tier if before else None)
        return route, before.arm if before and before.tier == route.tier else None

    async def _serve(
        self, exchange: OpenExchange, conversation: Conversation | None, watch: ClientWatch
    ) -> HttpResponse | StreamedResponse:
        attempts = exchange.attempts
        try:
            answer = await attempts.serve()
        except LlmError as error:
            error.headers += exchange.headers()
            exchange.end(error.status, faulty=attempts.at_fault)
            raise
        except BaseException:  # cancelled, because the client has gone or the gateway stops; or a bug
            exchange.end(CLIENT_GONE if watch.gone else 500, gone=watch.gone, stopped=not watch.gone)
            raise
        exchange.remember(self._affinity, conversation)
        headers = (*passed_on(answer.headers), *exchange.headers())
        if isinstance(answer, UpstreamStream):
            return StreamedAnswer(self._dialect, answer, exchange, watch, headers)
        watch.stop()
        exchange.begin_answer()
        await answer.close()
        exchange.end(answer.status)
        return HttpResponse(answer.status, answer.body, answer.content_type, headers)

    async def _decide(
        self,
        request: ChatRequest,
        route: Route,
        context: list[float] | None,
        conversation: Conversation | None,
        pinned: Arm | None,
    ) -> tuple[Decision, tuple[Arm, ...]]:
        """Return the decision and the candidates it was made among.

        Arms whose provider is known to be down are no candidates, unless all are: the policy chooses among what can
        be had, so that nobody waits for, and nothing is learned of, a provider that is not asked.
        """
        arms = route.arms
        if not route.direct:
            arms = tuple(arm for arm in arms if self._providers.available(arm)) or arms
        if context is None:
            return self._decisions.fallback_decision(route.tier, arms, "features"), arms
        named = route.direct or len(arms) < len(route.arms)
        stay = route.arms[0] if route.direct else pinned
        asked = DecisionRequest(
            tier=route.tier,
            context=context,
            candidates=[_candidate(arm) for arm in arms] if named else None,
            metadata=self._metadata(request, route, conversation),
            pinned=_candidate(stay) if stay else None,
            switching_cost=self._llm.switching_cost,
        )
        try:
            answer = await self._decisions.request_decision(route.tier, encode(asked))
            if refusal_status(answer) is not None:
                log.error("a replica refuses what the gateway asks; do they have one configuration? %r", answer.data)
                raise DecisionUnavailable("refused")
        except DecisionUnavailable as unavailable:
            return self._decisions.fallback_decision(route.tier, arms, unavailable.reason), arms
        try:
            return decode(decision_decoder, answer.data), arms
        except MessageError:
            log.exception("a replica's decision cannot be read")
            return self._decisions.fallback_decision(route.tier, arms, "replica_error"), arms

    def _metadata(self, request: ChatRequest, route: Route, conversation: Conversation | None) -> dict[str, Any]:
        """Return what the decision log tells of the request: never anything of its text."""
        told: dict[str, Any] = {
            "features": self._features.label,
            "dialect": self._dialect,
            "model": request.model[:MAX_LOGGED_MODEL],
            "stream": request.stream,
        }
        if conversation is not None:
            told["session"] = conversation.now
        if route.score is not None:
            told["auto_score"] = round(route.score, 3)
        if route.before is not None:
            told["auto_from"] = route.before
        if route.direct:
            told["direct"] = True
        return told


def _candidate(arm: Arm) -> Candidate:
    return Candidate(provider=arm.provider, model=arm.model)
