"""``POST /v1/try``: what the policy of a tier makes of a context, a prompt or a conversation. Nothing is decided."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import DecisionRequest, scoring_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman.contracts.messages.validation import check_request
from pointsman.core.features import view_request
from pointsman.runtime.bus import BusUnavailable, Message, NoResponders, NoResponse
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.errors import LlmError
from pointsman_gateway.chat.seeing import ChatFeatures
from pointsman_gateway.console.feature_names import FeatureNames, named
from pointsman_gateway.console.trial_views import AutoTier, TryRequest, TryView
from pointsman_gateway.decision_client import refusal_status
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

_SOURCES = ("context", "prompt", "messages")
try_decoder = msgspec.json.Decoder(TryRequest)


class Trial:
    """Answers dry runs.

    Parameters
    ----------
    backends : Backends
    features : ChatFeatures
    names : FeatureNames
    """

    def __init__(self, backends: Backends, features: ChatFeatures, names: FeatureNames) -> None:
        self._backends = backends
        self._features = features
        self._names = names
        self._patience_s = max(backends.config.gateway.decide_timeout_ms / 1000.0, 1.0)

    async def post(self, request: Request) -> Response:
        """Answer one request."""
        read_query(request, frozenset())
        config = self._backends.config
        body = await read_body(request.scope, request.receive, config.gateway.max_body_bytes)
        asked = decode_body(try_decoder, body)
        context, auto = self._context(asked)
        tier = asked.tier if asked.tier is not None else auto.tier if auto is not None else None
        if tier is None:
            raise InvalidMessage("tier", "expected the name of a tier; only prompt and messages can do without")
        wanted = DecisionRequest(tier=tier, context=context, candidates=asked.candidates)
        _, used = check_request(wanted, self._backends.tiers, config.context.dim, config.context.mismatch)
        answer = await self._ask(tier, encode(wanted))
        status = refusal_status(answer)
        if status is not None:
            return HttpResponse(
                status, answer.data, CONTENT_TYPE, (("retry-after", "1"),) if status == 503 else ()
            ).response()
        scoring = decode(scoring_decoder, answer.data)
        names = self._names.usual if asked.context is not None else self._names.extracted
        view = TryView(
            tier=tier,
            policy=scoring.policy,
            policy_version=scoring.policy_version,
            stale=scoring.stale,
            state_age_ms=scoring.state_age_ms,
            scores=scoring.scores,
            context=used,
            features=named(names, used),
            auto=auto,
        )
        return HttpResponse(200, encode(view)).response()

    async def _ask(self, tier: str, request: bytes) -> Message:
        bus = self._backends.require_bus()
        try:
            return await bus.requests.call(subjects.score(tier), request, self._patience_s)
        except NoResponders as error:
            raise BusUnavailable("no decision replica is there to score it") from error
        except NoResponse as error:
            raise BusUnavailable("no decision replica has answered in time") from error

    def _context(self, asked: TryRequest) -> tuple[list[float], AutoTier | None]:
        """Return the context to score, and for a text the tier that ``auto`` would choose."""
        told = [name for name in _SOURCES if getattr(asked, name) is not None]
        if len(told) != 1:
            raise InvalidMessage(told[1] if told else "context", "expected one of context, prompt and messages")
        if asked.context is not None:
            return asked.context, None
        if asked.messages == []:
            raise InvalidMessage("messages", "expected at least one message")
        messages: list[dict[str, Any]] = asked.messages or [{"role": "user", "content": asked.prompt}]
        view = view_request({"messages": messages}, "openai")
        try:
            context = self._features.context(view)
        except LlmError as error:
            raise ProblemError(503, str(error), headers=(("retry-after", "1"),)) from error
        if context is None:
            raise ProblemError(503, "the features of the request could not be made; the gateway's log says why")
        tier, score = self._features.tier(view)
        return context, AutoTier(tier=tier, score=score)
