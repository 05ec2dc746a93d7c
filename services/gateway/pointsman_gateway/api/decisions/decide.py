"""``POST /v1/decisions``: the hot path. Validate, request a decision from a replica, or serve the fallback arm."""

from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import Decision, DecisionRequest, request_decoder
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman.contracts.messages.validation import check_request
from pointsman_gateway.backends import Backends
from pointsman_gateway.decision_client import DecisionClient, DecisionUnavailable, refusal_status
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.request import decode_body, read_body
from pointsman_gateway.http.response import HttpResponse

EXAMPLE_ID = "SIMPLE.1042.9f86d081884c7d65"
EXAMPLE_CONTEXT = [1.0, 0.12, 0.0, 0.4, 0.0, 1.0, 0.3, 0.0, 0.0, 0.25, 0.0, 0.6]
_OLLAMA = {"provider": "ollama", "model": "llama3.2"}
_OPENAI = {"provider": "openai", "model": "gpt-4o-mini"}
_EXAMPLES = {
    "the tier's own arms": {"tier": "SIMPLE", "context": EXAMPLE_CONTEXT},
    "named candidates": {
        "tier": "SIMPLE",
        "context": EXAMPLE_CONTEXT,
        "candidates": [_OLLAMA, _OPENAI],
        "metadata": {"request_id": "7f3a"},
    },
}
_SCORES = (
    {"mean": 0.71, "width": 0.09, "ucb": 0.845, "probability": 0.975, "pulls": 812, "cost_usd": 0.0},
    {"mean": 0.68, "width": 0.05, "ucb": 0.755, "probability": 0.025, "pulls": 230, "cost_usd": 0.0004},
)
_DECISION = {
    "decision_id": EXAMPLE_ID,
    "tier": "SIMPLE",
    **_OLLAMA,
    "policy": "linucb",
    "policy_version": 3,
    "propensity": 0.975,
    "explored": False,
    "degraded": False,
    "stale": False,
    "state_age_ms": 41,
    "scores": [{**_OLLAMA, **_SCORES[0]}, {**_OPENAI, **_SCORES[1]}],
}


class DecideHandler:
    """Answers decision requests."""

    def __init__(self, backends: Backends, decisions: DecisionClient) -> None:
        config = backends.config
        self._decisions = decisions
        self._tiers = backends.tiers
        self._dim = config.context.dim
        self._mismatch = config.context.mismatch
        self._max_bytes = config.gateway.max_body_bytes

    @HttpEndpoint(
        "POST /v1/decisions",
        name="decide",
        tag="decisions",
        scope="decide",
        hot=True,
        summary="Decide which model takes a request",
        description="The decision is in the decision log before it is answered. While no replica can decide, the "
        "answer is the tier's fallback arm, marked `degraded`.",
        body=DecisionRequest,
        examples=_EXAMPLES,
        answers={200: AnswerType("The decision", Decision, _DECISION)},
    )
    async def post(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        body = await read_body(scope, receive, self._max_bytes)
        request = decode_body(request_decoder, body)
        candidates, _ = check_request(request, self._tiers, self._dim, self._mismatch)
        try:
            answer = await self._decisions.request_decision(request.tier, body)
        except DecisionUnavailable as unavailable:
            decision = self._decisions.fallback_decision(request.tier, candidates, unavailable.reason)
            return HttpResponse(200, encode(decision))
        status = refusal_status(answer)
        return HttpResponse(200, answer.data) if status is None else HttpResponse(status, answer.data, CONTENT_TYPE)
