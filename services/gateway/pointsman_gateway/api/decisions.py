"""``POST /v1/decisions``: the hot path. Validate, ask a replica, hand its answer on; or serve the fallback arm."""

from __future__ import annotations

from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import request_decoder
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman.contracts.messages.validation import check_request
from pointsman_gateway.backends import Backends
from pointsman_gateway.decider import Decider, Unanswered, refusal
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.replies import Reply


class Decisions:
    """Answers decision requests.

    Parameters
    ----------
    backends : Backends
    decider : Decider
    """

    def __init__(self, backends: Backends, decider: Decider) -> None:
        config = backends.config
        self._decider = decider
        self._tiers = backends.tiers
        self._dim = config.context.dim
        self._mismatch = config.context.mismatch
        self._max_bytes = config.gateway.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive) -> Reply:
        """Answer one request."""
        body = await read_body(scope, receive, self._max_bytes)
        request = decode_body(request_decoder, body)
        candidates, _ = check_request(request, self._tiers, self._dim, self._mismatch)
        try:
            answer = await self._decider.ask(request.tier, body)
        except Unanswered as unanswered:
            return Reply(200, encode(self._decider.fallback(request.tier, candidates, unanswered.reason)))
        status = refusal(answer)
        return Reply(200, answer.data) if status is None else Reply(status, answer.data, CONTENT_TYPE)
