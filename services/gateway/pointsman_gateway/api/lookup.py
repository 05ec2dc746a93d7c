"""``GET /v1/decisions/{decision_id}``: why a request went to that model, and what came of it."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import with_id
from pointsman.contracts.messages.ids import parse_id
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.errors import StateError
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.decision_log import read_decision
from pointsman_gateway.api.live_policies import live_policies
from pointsman_gateway.api.outcome_index import Applied, find_applied
from pointsman_gateway.api.views import DecisionOutcome, OutcomeView
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.feature_names import FeatureNames, name_features
from pointsman_gateway.console.reward_parts import find_reward, reward_parts
from pointsman_gateway.console.shadow_choices import ShadowChoiceView, read_shadow_choices
from pointsman_gateway.http.query import parse_flag, read_query
from pointsman_gateway.http.response import HttpResponse

_PARAMETERS = frozenset({"shadows"})


class Lookup:
    """Finds decisions.

    Parameters
    ----------
    backends : Backends
    names : FeatureNames
    """

    def __init__(self, backends: Backends, names: FeatureNames) -> None:
        self._backends = backends
        self._names = names
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        with_shadows = parse_flag(query.get("shadows", "false"), "shadows")
        decision_id: str = request.path_params["decision_id"]
        decision = parse_id(decision_id)
        bus = self._backends.require_bus()
        event, encoded = await read_decision(bus, decision, self._timeout_s)
        sequence = decision.sequence or 0
        found = await self._outcome(bus, decision_id, decision.tier, sequence)
        features = name_features(self._names.for_decision(event.metadata), event.context)
        if features is not None:
            found = msgspec.structs.replace(found, features=features)
        if with_shadows:
            logged = LoggedDecision(decision_id, sequence, event.decided_at_ms, event)
            found = msgspec.structs.replace(found, shadows=await self._shadows(logged))
        # The event is handed on as it was logged, fields of newer versions included.
        body = with_id(encoded, decision_id)[:-1] + b"," + encode(found)[1:]
        return HttpResponse(200, body).response()

    async def _outcome(self, bus: Bus, decision_id: str, tier: str, sequence: int) -> DecisionOutcome:
        try:
            applied = await find_applied(self._backends.store, bus, decision_id, tier, sequence, self._timeout_s)
        except StateError:
            return DecisionOutcome(outcome_status="unknown")
        outcome = _outcome(applied)
        if applied is None or applied.outcome.reward is not None:
            return outcome
        event = await find_reward(bus, tier, applied.sequence, self._timeout_s)
        if event is None:
            return outcome
        return msgspec.structs.replace(outcome, reward_parts=reward_parts(event, applied.outcome.rule))

    async def _shadows(self, logged: LoggedDecision) -> list[ShadowChoiceView]:
        tier = logged.event.tier
        if tier not in self._backends.tiers:  # of another configuration than this one
            return []
        policies = await live_policies(self._backends, tier)
        sums = ShadowStore(self._backends.store, tier)
        return await read_shadow_choices(sums, logged, policies, self._backends.config.reward)


def _outcome(applied: Applied | None) -> DecisionOutcome:
    if applied is None:
        return DecisionOutcome()
    told = applied.outcome
    view = OutcomeView(
        sequence=applied.sequence,
        accepted_at_ms=told.accepted_at_ms,
        quality=told.quality,
        cost_usd=told.cost_usd,
        latency_ms=told.latency_ms,
        reward=told.reward,
        rule=told.rule,
        served=told.served,
        feedback=told.feedback,
    )
    return DecisionOutcome(outcome=view, reward=applied.reward * 100.0, outcome_status="applied")
