"""``POST /v1/policies/{tier}/promote`` and ``/revert``: switch the active policy, with a record of the change."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from starlette.requests import Request

from pointsman.contracts.messages.errors import InvalidMessage, NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.policies import (
    PolicyChangeRecord,
    PolicySpec,
    PromotionRequest,
    RevertRequest,
    TierPolicies,
)
from pointsman.contracts.messages.switch import find_shadow, promoted, reverted
from pointsman.runtime.bus import BusError, WrongSequence
from pointsman.runtime.bus.notices import publish_promotion
from pointsman.runtime.bus.policies import write_policies
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.promotion.evidence import evidence_record, read_evidence
from pointsman_gateway.api.policies.active import current_policies
from pointsman_gateway.api.policies.change import MAX_ATTEMPTS, concurrent_changes
from pointsman_gateway.api.policies.validation import check_policy, configured_classes
from pointsman_gateway.api.policies.views import TierPoliciesView, policies_view
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.authentication import caller_name
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError

log = logger("gateway.promotion")

SERVICE = "gateway"
MAX_WHY = 1000
MAX_PERSON = 64

Switch = Callable[[TierPolicies, PolicyChangeRecord], tuple[TierPolicies, PolicySpec]]
"""From the current policies to the new ones, and the policy whose row of the report is the evidence."""


_ANSWER = AnswerType("The new policies, with the record of the change", TierPoliciesView)


class PromotionHandler:
    """Promotes a shadow, and reverts a promotion."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._config = backends.config
        self._allowed_classes = configured_classes(self._config)

    @HttpEndpoint(
        "POST /v1/policies/{tier}/promote",
        name="promotePolicy",
        tag="policies",
        scope="admin",
        summary="Make a shadow the active policy of a tier",
        description="The previous active policy continues as a shadow under its name, so that the switch can be "
        "evaluated and reverted. 409 when the tier is at another `version`, when the policy is active already, or when "
        "another shadow has the name of the active policy.",
        body=PromotionRequest,
        examples={
            "a shadow": {"policy": "greedy", "why": "earns 1.2 to 2.6 more, at no more cost"},
            "at a known version": {"policy": "greedy", "version": 17, "why": "Monday's report", "person": "ann"},
        },
        answers={200: _ANSWER},
        problems=(404, 409, 503),
    )
    async def promote(self, request: Request, body: PromotionRequest) -> TierPoliciesView:
        """Make a shadow the active policy; the previous one continues as a shadow."""

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            shadow = find_shadow(current, body.policy)
            check_policy(shadow, "policy", self._allowed_classes)
            return promoted(current, body.policy, record), shadow

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
        answers={200: _ANSWER},
        problems=(404, 409, 503),
    )
    async def revert(self, request: Request, body: RevertRequest) -> TierPoliciesView:
        """Restore the policy that the last promotion replaced; the promoted one continues as a shadow."""

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            after = reverted(current, record)
            check_policy(after.active, "policy", self._allowed_classes)
            return after, after.active

        return await self._switch(request, "revert", body, switch)

    async def _switch(
        self, request: Request, kind: str, body: PromotionRequest | RevertRequest, switch: Switch
    ) -> TierPoliciesView:
        tier = self._backends.require_tier(request.path_params["tier"])
        _check_record(body)
        bus = self._backends.require_bus()
        for _ in range(MAX_ATTEMPTS):
            version, current = await current_policies(self._config, bus, tier)
            if body.version is not None and body.version != version:
                raise ProblemError(409, f"expected version {body.version}, the tier is at {version}", "version")
            record = PolicyChangeRecord(
                at_ms=int(time.time() * 1000),
                kind=kind,
                by=caller_name(request.scope),
                person=body.person,
                why=body.why,
            )
            try:
                after, judged = switch(current, record)
            except NoSuchShadow as error:
                raise ProblemError(404, str(error), "policy") from error
            except SwitchRefused as error:
                raise ProblemError(409, str(error)) from error
            after = await self._with_evidence(tier, current, after, judged)
            try:
                version = await write_policies(bus, tier, after, version)
            except WrongSequence:
                continue  # another change came first: read its result
            log.info(
                "tier %s: %s by %s: active policy %s, version %d", tier, kind, record.by, after.active.name, version
            )
            try:
                await publish_promotion(bus, tier, version, after, SERVICE)
            except BusError as error:  # the change itself is stored
                log.warning("tier %s: no alert was published for version %d: %s", tier, version, error)
            return policies_view(tier, version, after)
        raise concurrent_changes()

    async def _with_evidence(
        self, tier: str, current: TierPolicies, after: TierPolicies, judged: PolicySpec
    ) -> TierPolicies:
        """Add the row of the report to the record. The switch proceeds when the store is unavailable."""
        assert after.change is not None  # set by `switch`
        row, why = None, f"{judged.name} does not run as a shadow"
        try:
            row = await read_evidence(self._backends.store, self._config, tier, current, judged)
        except StateError as error:
            why = f"the report is unavailable: {error}"
        evidence = {"evidence": evidence_record(row)} if row is not None else {"no_evidence": why}
        return msgspec.structs.replace(after, change=msgspec.structs.replace(after.change, **evidence))


def _check_record(body: PromotionRequest | RevertRequest) -> None:
    if len(body.why) > MAX_WHY:
        raise InvalidMessage("why", f"expected at most {MAX_WHY} characters, got {len(body.why)}")
    if len(body.person) > MAX_PERSON or not body.person.isprintable():
        raise InvalidMessage("person", f"expected at most {MAX_PERSON} printable characters")
