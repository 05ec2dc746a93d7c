"""``GET /v1/policies``, ``PUT /v1/policies/{tier}`` and ``GET /v1/policies/{tier}/history``."""

from __future__ import annotations

import time

import msgspec
from starlette.requests import Request

from pointsman.contracts.messages.policies import PolicyChange, PolicyChangeRecord
from pointsman.contracts.messages.switch import changed
from pointsman.runtime.bus import PoliciesUnreadable, WrongSequence
from pointsman.runtime.bus.policies import Revision, read_history, write_policies
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.policies.active import configured_policies, current_policies
from pointsman_gateway.api.policies.validation import check_change, configured_classes
from pointsman_gateway.api.policies.views import (
    PolicyHistory,
    PolicyList,
    PolicyRevision,
    TierPoliciesView,
    policies_view,
)
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.authentication import caller_name
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError

log = logger("gateway.policies")

MAX_ATTEMPTS = 5
"""How often a change is tried when another one comes first."""

_EXAMPLES = {
    "less exploration": {
        "active": {"name": "linucb", "algorithm": "linucb", "parameters": {"alpha": 1.5, "epsilon": 0.01}}
    },
    "two shadows": {
        "shadows": [
            {"name": "greedy", "algorithm": "epsilon-greedy", "parameters": {"epsilon": 0.0}},
            {"name": "small", "algorithm": "static:ollama:llama3.2"},
        ]
    },
}


class PoliciesHandler:
    """Lists and changes policies."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._config = backends.config
        self._allowed_classes = configured_classes(self._config)

    @HttpEndpoint(
        "GET /v1/policies",
        name="listPolicies",
        tag="policies",
        scope="read",
        summary="List the policies of every tier",
        answers={200: AnswerType("The policies", PolicyList)},
        problems=(503,),
    )
    async def get(self, _: Request) -> PolicyList:
        """Return the policies of all tiers."""
        bus = self._backends.require_bus()
        return PolicyList(
            policies=[
                policies_view(tier, *await current_policies(self._config, bus, tier)) for tier in self._backends.tiers
            ]
        )

    @HttpEndpoint(
        "PUT /v1/policies/{tier}",
        name="changePolicies",
        tag="policies",
        scope="admin",
        summary="Change the policies of a tier",
        description="Fields that are absent keep their value. The change survives a restart, until the configuration "
        "itself is changed. A `module:Class` must be one that the configuration names.",
        body=PolicyChange,
        examples=_EXAMPLES,
        answers={200: AnswerType("The new policies", TierPoliciesView)},
        problems=(404, 409, 503),
    )
    async def change(self, request: Request, body: PolicyChange) -> TierPoliciesView:
        """Change what a tier runs."""
        tier = self._backends.require_tier(request.path_params["tier"])
        check_change(body, self._allowed_classes)
        bus = self._backends.require_bus()
        for _ in range(MAX_ATTEMPTS):
            try:
                version, current = await current_policies(self._config, bus, tier)
            except PoliciesUnreadable as error:  # unreadable policies can be replaced
                version, current = error.version, configured_policies(self._config, tier)
            wanted = msgspec.structs.replace(
                current,
                active=body.active or current.active,
                shadows=current.shadows if body.shadows is None else body.shadows,
            )
            record = PolicyChangeRecord(at_ms=int(time.time() * 1000), kind="api", by=caller_name(request.scope))
            wanted = changed(current, wanted, record)
            try:
                version = await write_policies(bus, tier, wanted, version)
            except WrongSequence:
                continue  # another change came first: apply this one to its result
            log.info("tier %s: active policy %s, version %d", tier, wanted.active.name, version)
            return policies_view(tier, version, wanted)
        raise concurrent_changes()

    @HttpEndpoint(
        "GET /v1/policies/{tier}/history",
        name="listPolicyHistory",
        tag="policies",
        scope="read",
        summary="List the versions of a tier's policies",
        description="Each with who made it, when, why and on what evidence.",
        answers={200: AnswerType("The last 64 versions, newest first", PolicyHistory)},
        problems=(404, 503),
    )
    async def history(self, request: Request) -> PolicyHistory:
        """Return all versions of a tier that are kept."""
        tier = self._backends.require_tier(request.path_params["tier"])
        revisions = await read_history(self._backends.require_bus(), tier)
        return PolicyHistory(tier=tier, versions=[_revision_view(revision) for revision in revisions])


def concurrent_changes() -> ProblemError:
    """Return the error of a change that lost every race."""
    return ProblemError(409, "other requests are changing the policies of this tier; try again")


def _revision_view(revision: Revision) -> PolicyRevision:
    view = PolicyRevision(version=revision.version, stored_at_ms=revision.at_ms, problem=revision.problem)
    policies = revision.policies
    if policies is None:
        return view
    names = set(PolicyRevision.__struct_fields__) & set(policies.__struct_fields__)
    return msgspec.structs.replace(view, **{name: getattr(policies, name) for name in names})
