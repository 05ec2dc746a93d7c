"""``POST /v1/try``: scores of a context, a prompt or a conversation, without a decision."""

from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import (
    Candidates,
    CandidateScore,
    DecisionRequest,
    RewardWeights,
    ScoreRequest,
    candidate_scores_decoder,
)
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman.contracts.messages.validation import check_request
from pointsman.core.bounds import NonNegative
from pointsman.core.features import RequestView, view_request
from pointsman.runtime.bus import BusUnavailable, NoResponders, NoResponse
from pointsman_gateway.api.decisions.decide import EXAMPLE_CONTEXT
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.text_contexts import RETRY, text_contexts
from pointsman_gateway.chat.request.tier_features import TierFeaturesReader
from pointsman_gateway.console.feature_names import FeatureNames, FeatureView, name_features
from pointsman_gateway.decision_client import refusal_status
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.response import HttpResponse

_INPUTS = ("context", "prompt", "messages", "average")
MIN_TIMEOUT_S = 1.0
_EXAMPLES = {
    "a context": {"tier": "SIMPLE", "context": EXAMPLE_CONTEXT},
    "a prompt": {"prompt": "Why is the sky blue?"},
    "what if costs weighed more": {"tier": "SIMPLE", "average": True, "lambda_cost": 0.6},
}


class TryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/try``: one of context, prompt, messages and average.

    Attributes
    ----------
    tier: Without it, a prompt or messages go to the tier that ``auto`` selects for a chat request.
    prompt: Text of a user.
    messages: A conversation, as in ``POST /v1/chat/completions``.
    average: True: the mean context of the outcomes that the tier has learned from.
    candidates: Arms to score; by default those of the tier.
    lambda_cost, mu_latency: What if: the scores as if every outcome had been learned from with these weights of cost
        and latency. Where one of the two is omitted, it is the weight in force.
    """

    tier: str | None = None
    context: list[float] | None = None
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    average: bool = False
    candidates: Candidates | None = None
    lambda_cost: NonNegative | None = None
    mu_latency: NonNegative | None = None


class AutoTierView(msgspec.Struct, frozen=True, kw_only=True):
    """Tier that ``auto`` selects for a chat request.

    Attributes
    ----------
    score: Difficulty of the request, 0 to 1, which determines the tier.
    """

    tier: str
    score: float


class TryResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/try``: the input and the scores of the policy. Nothing is decided or logged.

    Attributes
    ----------
    stale: The learned state is older than the configured limit.
    state_age_ms: Age of the learned state.
    scores, held_back: As in a decision.
    weights: Weights of cost and latency that the scores follow from: those in force, or those of the request. None
        before the first outcome.
    context: The context that was scored.
    features: The context by feature name; None when the names are unknown.
    extractor: For a prompt or messages: name and version of the extractor of the context.
    notice: Why the scores may mean nothing; absent when they are meaningful.
    auto: For a prompt or messages: the tier that ``auto`` selects.
    """

    tier: str
    policy: str
    policy_version: int
    stale: bool
    state_age_ms: int | None
    scores: list[CandidateScore]
    held_back: list[str] = []
    weights: RewardWeights | None
    context: list[float]
    features: list[FeatureView] | None = None
    auto: AutoTierView | None = None
    extractor: str | None = None
    notice: str | None = None


class _Input(NamedTuple):
    """What is scored: the context, and for a text its origin and the tier that ``auto`` selects."""

    context: list[float]
    tier: str
    auto: AutoTierView | None = None
    extractor: str | None = None
    notice: str | None = None


class TryHandler:
    """Handler of dry runs."""

    def __init__(
        self, backends: Backends, features: ChatFeatures, tier_features: TierFeaturesReader, names: FeatureNames
    ) -> None:
        self._backends = backends
        self._features = features
        self._tier_features = tier_features
        self._names = names
        self._timeout_s = max(backends.config.gateway.decide_timeout_ms / 1000.0, MIN_TIMEOUT_S)

    @HttpEndpoint(
        "POST /v1/try",
        name="tryRequest",
        tag="insight",
        scope="decide",
        summary="Score a request without a decision",
        description="A replica scores the candidates as for a decision. No arm is drawn, no model is called, nothing "
        "is logged. The context of a text is computed by the extractor whose contexts the tier has learned from; if "
        "the gateway does not have it, the text is refused.",
        body=TryRequest,
        examples=_EXAMPLES,
        answers={200: AnswerType("The scores", TryResponse)},
        problems=(503,),
    )
    async def post(self, request: Request, body: TryRequest) -> TryResponse | HttpResponse:
        """Answer one request."""
        config = self._backends.config
        asked = await self._input(body)
        tier = asked.tier
        context = asked.context if not body.average else [0.0] * config.context.dim  # to check the other fields
        checked = DecisionRequest(tier=tier, context=context, candidates=body.candidates)
        _, used = check_request(checked, self._backends.tiers, config.context.dim, config.context.mismatch)
        scored = ScoreRequest(
            tier=tier,
            context=asked.context,
            candidates=body.candidates,
            average=body.average,
            lambda_cost=body.lambda_cost,
            mu_latency=body.mu_latency,
        )
        bus = self._backends.require_bus()
        try:
            reply = await bus.requests.call(subjects.score(tier), encode(scored), self._timeout_s)
        except NoResponders as error:
            raise BusUnavailable("no decision replica is connected") from error
        except NoResponse as error:
            raise BusUnavailable("no decision replica responded in time") from error
        status = refusal_status(reply)
        if status is not None:
            return HttpResponse(status, reply.data, CONTENT_TYPE, RETRY if status == 503 else ())
        scoring = decode(candidate_scores_decoder, reply.data)
        used = scoring.context or used
        names = self._names.default if asked.extractor is None else self._names.of_extractor(asked.extractor)
        return TryResponse(
            tier=tier,
            policy=scoring.policy,
            policy_version=scoring.policy_version,
            stale=scoring.stale,
            state_age_ms=scoring.state_age_ms,
            scores=scoring.scores,
            held_back=scoring.held_back,
            weights=scoring.weights,
            context=used,
            features=name_features(names, used),
            auto=asked.auto,
            extractor=asked.extractor,
            notice=asked.notice,
        )

    async def _input(self, body: TryRequest) -> _Input:
        """Return what is scored."""
        given = [name for name in _INPUTS if getattr(body, name) not in (None, False)]
        if len(given) != 1:
            raise InvalidMessage(
                given[1] if given else "context", "expected one of context, prompt, messages and average"
            )
        if body.context is not None or body.average:
            if body.tier is None:
                raise InvalidMessage("tier", "expected the name of a tier; only prompt and messages can do without")
            return _Input(body.context or [], body.tier)
        check_nesting(body.messages, "messages")
        if body.messages == []:
            raise InvalidMessage("messages", "expected at least one message")
        messages: list[dict[str, Any]] = body.messages or [{"role": "user", "content": body.prompt}]
        return await self._of_text(body.tier, view_request({"messages": messages}, "openai"), given[0])

    async def _of_text(self, tier: str | None, view: RequestView, field: str) -> _Input:
        """Return the context of a text by the features that the tier has learned from; refuse it without them."""
        selected, difficulty = self._features.tier(view)
        auto = AutoTierView(tier=selected, score=difficulty)
        tier = selected if tier is None else tier
        if tier not in self._backends.tiers:
            raise InvalidMessage("tier", f"unknown tier {tier[:80]!r}")
        texts = await text_contexts(self._backends, self._features, self._tier_features, tier, field)
        return _Input(texts.of(view), tier, auto, texts.label, texts.notice or None)
