"""``/v1/policies``: list, change, promote and revert the policies of a tier, with a record of each change."""

import time
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request

from pointsman.contracts.messages.errors import InvalidMessage, NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.policies import (
    PolicyChange,
    PolicyChangeRecord,
    PolicySpec,
    PromotionRequest,
    RevertRequest,
    TierPolicies,
)
from pointsman.contracts.messages.precedence import with_superseded
from pointsman.contracts.messages.switch import changed, find_shadow, promoted, reverted
from pointsman.runtime.bus import BusError, PoliciesUnreadable, WrongSequence
from pointsman.runtime.bus.notices import publish_promotion
from pointsman.runtime.bus.policies import read_history, write_policies
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.promotion.evidence import evidence_record, read_evidence
from pointsman.shadow.promotion.ruling import objections
from pointsman_gateway.api.policies.active import configured_policies, current_policies
from pointsman_gateway.api.policies.validation import check_change, check_policy, configured_classes
from pointsman_gateway.api.policies.views import (
    PolicyHistory,
    PolicyList,
    TierPoliciesView,
    policies_view,
    revision_view,
)
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.authentication import caller_name
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError

log = logger("gateway.policies")

MAX_ATTEMPTS = 5
"""How often a change is tried when another one comes first."""
MAX_WHY = 1000
MAX_PERSON = 64

Edit = Callable[[int, TierPolicies], Awaitable[TierPolicies]]
"""From the current version and its policies to the new policies."""
Switch = Callable[[TierPolicies, PolicyChangeRecord], tuple[TierPolicies, PolicySpec]]
"""From the current policies to the new ones, and the policy whose row of the report is the evidence."""

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
_SWITCHED = AnswerType("The new policies, with the record of the change", TierPoliciesView)


class PoliciesHandler:
    """Lists, changes, promotes and reverts policies."""

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
                self._view(tier, *await current_policies(self._config, bus, tier)) for tier in self._backends.tiers
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
        tier: str = request.path_params["tier"]
        check_change(body, self._allowed_classes, tier, self._backends.tiers[tier])

        async def edit(_: int, current: TierPolicies) -> TierPolicies:
            wanted = msgspec.structs.replace(
                current,
                active=body.active or current.active,
                shadows=current.shadows if body.shadows is None else body.shadows,
            )
            return changed(current, wanted, _record(request, "api"))

        version, after = await self._store(tier, edit, replace_unreadable=True)
        log.info("tier %s: active policy %s, version %d", tier, after.active.name, version)
        return self._view(tier, version, after)

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
        tier: str = request.path_params["tier"]
        revisions = await read_history(self._backends.require_bus(), tier)
        return PolicyHistory(tier=tier, versions=[revision_view(revision) for revision in revisions])

    @HttpEndpoint(
        "POST /v1/policies/{tier}/promote",
        name="promotePolicy",
        tag="policies",
        scope="admin",
        summary="Make a shadow the active policy of a tier",
        description="The previous active policy continues as a shadow under its name, so that the switch can be "
        "evaluated and reverted. A policy that explores less than the evidence floor of the tier gets that exploration "
        "as its `epsilon`, unless `keep_floor` is false. 409 when the tier is at another `version`, when the policy is "
        "active already, or when another shadow has the name of the active policy; and without `force`, when the "
        "verdict of the report is *cannot tell* or *do not promote*, there is no report, or the policy would not "
        "explore.",
        body=PromotionRequest,
        examples={
            "a shadow": {"policy": "greedy", "why": "earns 1.2 to 2.6 more, at no more cost"},
            "at a known version": {"policy": "greedy", "version": 17, "why": "Monday's report", "person": "ann"},
        },
        answers={200: _SWITCHED},
        problems=(404, 409, 503),
    )
    async def promote(self, request: Request, body: PromotionRequest) -> TierPoliciesView:
        """Make a shadow the active policy; the previous one continues as a shadow."""
        tier = self._config.tier_named(request.path_params["tier"])
        assert tier is not None  # the route's parameter is checked
        floor = tier.evidence.floor if body.keep_floor else 0.0

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            shadow = find_shadow(current, body.policy)
            check_policy(shadow, "policy", self._allowed_classes)
            return promoted(current, body.policy, record, floor=floor), shadow

        return await self._switch(request, "promote", body, switch)

    @HttpEndpoint(
        "POST /v1/policies/{tier}/revert",
        name="revertPromotion",
        tag="policies",
        scope="admin",
        summary="Revert the last promotion of a tier",
        description="The policy that it replaced becomes active again; the promoted policy continues as a shadow, "
        "unless another shadow has its name. 409 when there is no promotion to revert. The body is optional.",
        body=RevertRequest,
        body_required=False,
        examples={"with a reason": {"why": "complaints about short answers"}},
        answers={200: _SWITCHED},
        problems=(404, 409, 503),
    )
    async def revert(self, request: Request, body: RevertRequest) -> TierPoliciesView:
        """Restore the policy that the last promotion replaced; the promoted one continues as a shadow."""

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            after = reverted(current, record)
            check_policy(after.active, "policy", self._allowed_classes)
            return after, after.active

        return await self._switch(request, "revert", body, switch)

    @HttpEndpoint(
        "POST /v1/policies/{tier}/reset",
        name="resetPolicies",
        tag="policies",
        scope="admin",
        summary="Put the policies of the configuration file in force",
        description="They are those of the file of the gateway that answers, whatever was changed through the API, "
        "automatically, or by the file of another gateway. The body is optional.",
        body=RevertRequest,
        body_required=False,
        examples={"with a reason": {"why": "the trial is over"}},
        answers={200: AnswerType("The new policies", TierPoliciesView)},
        problems=(404, 409, 503),
    )
    async def reset(self, request: Request, body: RevertRequest) -> TierPoliciesView:
        """Return to the policies of the configuration file."""
        tier: str = request.path_params["tier"]
        _check_request(body)

        async def edit(version: int, current: TierPolicies) -> TierPolicies:
            _check_version(body, version)
            file = with_superseded(configured_policies(self._config, tier), current)
            return changed(current, file, _record(request, "configuration", body.person, body.why))

        version, after = await self._store(tier, edit, replace_unreadable=True)
        log.info("tier %s: policies of the file again: %s, version %d", tier, after.active.name, version)
        return self._view(tier, version, after)

    async def _switch(
        self, request: Request, kind: str, body: PromotionRequest | RevertRequest, switch: Switch
    ) -> TierPoliciesView:
        tier: str = request.path_params["tier"]
        _check_request(body)

        async def edit(version: int, current: TierPolicies) -> TierPolicies:
            _check_version(body, version)
            try:
                after, judged = switch(current, _record(request, kind, body.person, body.why))
            except NoSuchShadow as error:
                raise ProblemError(404, str(error), "policy") from error
            except SwitchRefused as error:
                raise ProblemError(409, str(error)) from error
            insists = body.force if isinstance(body, PromotionRequest) else True
            return await self._with_evidence(tier, current, after, judged, insists=insists)

        version, after = await self._store(tier, edit)
        by, name = caller_name(request.scope), after.active.name
        log.info("tier %s: %s by %s: active policy %s, version %d", tier, kind, by, name, version)
        try:
            await publish_promotion(self._backends.require_bus(), tier, version, after, "gateway")
        except BusError as error:  # the change itself is stored
            log.warning("tier %s: no alert was published for version %d: %s", tier, version, error)
        return self._view(tier, version, after)

    def _view(self, tier: str, version: int, policies: TierPolicies) -> TierPoliciesView:
        return policies_view(tier, version, policies, configured_policies(self._config, tier), self._allowed_classes)

    async def _with_evidence(
        self, tier: str, current: TierPolicies, after: TierPolicies, judged: PolicySpec, *, insists: bool
    ) -> TierPolicies:
        """Add the row of the report to the record; refuse a switch that the evidence is against unless ``insists``."""
        assert after.change is not None  # set by `switch`
        row, why = None, f"{judged.name} does not run as a shadow"
        try:
            row = await read_evidence(self._backends.store, self._config, tier, current, judged)
        except StateError as error:
            why = f"the report is unavailable: {error}"
        if not insists and (against := objections(after.active, row, why)):
            raise ProblemError(409, f"{'; '.join(against)}. To promote it anyway, send force = true", "force")
        evidence = {"evidence": evidence_record(row)} if row is not None else {"no_evidence": why}
        return msgspec.structs.replace(after, change=msgspec.structs.replace(after.change, **evidence))

    async def _store(self, tier: str, edit: Edit, *, replace_unreadable: bool = False) -> tuple[int, TierPolicies]:
        """Store the edited policies; when another change comes first, edit its result."""
        bus = self._backends.require_bus()
        for _ in range(MAX_ATTEMPTS):
            try:
                version, current = await current_policies(self._config, bus, tier)
            except PoliciesUnreadable as error:
                if not replace_unreadable:
                    raise
                version, current = error.version, configured_policies(self._config, tier)
            after = await edit(version, current)
            try:
                return await write_policies(bus, tier, after, version), after
            except WrongSequence:
                continue
        raise ProblemError(409, "other requests are changing the policies of this tier; try again")


def _check_request(body: PromotionRequest | RevertRequest) -> None:
    if len(body.why) > MAX_WHY:
        raise InvalidMessage("why", f"expected at most {MAX_WHY} characters, got {len(body.why)}")
    if len(body.person) > MAX_PERSON or not body.person.isprintable():
        raise InvalidMessage("person", f"expected at most {MAX_PERSON} printable characters")


def _check_version(body: PromotionRequest | RevertRequest, version: int) -> None:
    if body.version is not None and body.version != version:
        raise ProblemError(409, f"expected version {body.version}, the tier is at {version}", "version")


def _record(request: Request, kind: str, person: str = "", why: str = "") -> PolicyChangeRecord:
    by = caller_name(request.scope)
    return PolicyChangeRecord(at_ms=int(time.time() * 1000), kind=kind, by=by, person=person, why=why)
