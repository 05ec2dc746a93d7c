"""``POST /v1/decisions``: the hot path. Validate, ask a replica, hand its answer on; or serve the fallback arm."""

from __future__ import annotations

from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import request_decoder
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman.contracts.messages.validation import check_request
from pointsman_gateway.backends import Backends
from pointsman_gateway.decision_client import DecisionClient, DecisionUnavailable, refusal_status
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.response import HttpResponse


class Decisions:
    """Answers decision requests.

    Parameters
    ----------
    backends : Backends
    decision_client : DecisionClient
    """

    def __init__(self, backends: Backends, decision_client: DecisionClient) -> None:
        config = backends.config
        self._decisions = decision_client
        self._tiers = backends.tiers
        self._dim = config.context.dim
        self._mismatch = config.context.mismatch
        self._max_bytes = config.gateway.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        body = await read_body(scope, receive, self._max_bytes)
        request = decode_body(request_decoder, body)
        candidates, _ = check_request(request, self._tiers, self._dim, self._mismatch)
        try:
            answer = await self._decisions.request_decision(request.tier, body)
        except DecisionUnavailable as unavailable:
            return HttpResponse(
                200, encode(self._decisions.fallback_decision(request.tier, candidates, unavailable.reason))
            )
        status = refusal_status(answer)
        return HttpResponse(200, answer.data) if status is None else HttpResponse(status, answer.data, CONTENT_TYPE)
