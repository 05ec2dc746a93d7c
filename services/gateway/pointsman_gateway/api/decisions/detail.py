"""``GET /v1/decisions/{decision_id}``: one decision of the log, with its outcome and reward."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import with_id
from pointsman.contracts.messages.ids import parse_id
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.errors import StateError
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.decisions.log import read_decision
from pointsman_gateway.api.decisions.views import DecisionOutcome, DecisionView, OutcomeView
from pointsman_gateway.api.outcomes.log import LearnedOutcome, find_applied_outcome
from pointsman_gateway.api.policies.active import read_active_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.feature_names import FeatureNames, name_features
from pointsman_gateway.console.reward_parts import find_reward, reward_parts
from pointsman_gateway.console.shadow_choices import ShadowChoiceView, read_shadow_choices
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.response import HttpResponse


class DecisionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters."""

    shadows: Annotated[bool, Meta(description="Include what each current shadow of the tier would have chosen")] = False


class DecisionDetailHandler:
    """Shows one decision."""

    def __init__(self, backends: Backends, names: FeatureNames) -> None:
        self._backends = backends
        self._names = names
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    @HttpEndpoint(
        "GET /v1/decisions/{decision_id}",
        name="getDecision",
        tag="insight",
        scope="read",
        summary="Get a decision with its outcome and reward",
        description="Everything that the policy used: context, scores, propensity, policy and its version. A degraded "
        "decision (`fallback.…`) is not logged, so it cannot be read.",
        query=DecisionQuery,
        answers={200: AnswerType("The decision", DecisionView)},
        problems=(404, 410, 503),
    )
    async def get(self, request: Request, query: DecisionQuery) -> HttpResponse:
        """Answer one request."""
        decision_id: str = request.path_params["decision_id"]
        decision = parse_id(decision_id)
        bus = self._backends.require_bus()
        event, encoded = await read_decision(bus, decision, self._timeout_s)
        sequence = decision.sequence or 0
        outcome = await self._outcome(bus, decision_id, decision.tier, sequence)
        features = name_features(self._names.for_decision(event.metadata), event.context)
        if features is not None:
            outcome = msgspec.structs.replace(outcome, features=features)
        if query.shadows:
            logged = LoggedDecision(decision_id, sequence, event.decided_at_ms, event)
            outcome = msgspec.structs.replace(outcome, shadows=await self._shadows(logged))
        # The event is passed on as it was logged, with the fields that only a newer version knows.
        return HttpResponse(200, with_id(encoded, decision_id)[:-1] + b"," + encode(outcome)[1:])

    async def _outcome(self, bus: Bus, decision_id: str, tier: str, sequence: int) -> DecisionOutcome:
        store = self._backends.store
        try:
            applied = await find_applied_outcome(store, bus, decision_id, tier, sequence, self._timeout_s)
        except StateError:
            return DecisionOutcome(outcome_status="unknown")
        if applied is None:
            return DecisionOutcome()
        event = None
        if applied.outcome.reward is None:
            event = await find_reward(bus, tier, applied.sequence, self._timeout_s)
        return DecisionOutcome(
            outcome=_outcome_view(applied),
            reward=applied.reward * 100.0,
            outcome_status="applied",
            reward_parts=msgspec.UNSET if event is None else reward_parts(event, applied.outcome.rule),
        )

    async def _shadows(self, logged: LoggedDecision) -> list[ShadowChoiceView]:
        tier = logged.event.tier
        if tier not in self._backends.tiers:  # decided under another configuration
            return []
        policies = await read_active_policies(self._backends, tier)
        sums = ShadowStore(self._backends.store, tier)
        return await read_shadow_choices(sums, logged, policies, self._backends.config.reward)


def _outcome_view(applied: LearnedOutcome) -> OutcomeView:
    names = set(OutcomeView.__struct_fields__) - {"sequence"}
    return OutcomeView(sequence=applied.sequence, **{name: getattr(applied.outcome, name) for name in names})
